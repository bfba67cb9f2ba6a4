import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { retryCalls } from '../../lib/relay/retry-calls.ts';
import { heldCalls, ITEMS, outcomeOf } from './held-calls.ts';

const signal = new AbortController().signal;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp() {
  const first = heldCalls();
  const again = heldCalls();
  return { first: first.calls, again: again.calls, ...retryCalls(first.allocate, again.allocate, Date.now, () => 0) };
}

it.each([
  ['nothing listens', new UpstreamError('allocator', 'connect')],
  ['the connection breaks', new UpstreamError('allocator', 'reset')],
  ['the function is throttled', new UpstreamError('allocator', 'status', { status: 429 })],
  ['the function fails', new UpstreamError('allocator', 'status', { status: 502, outcome: 'unknown' })],
])('calls once more, with the same items and what is left of their time, when %s', async (_name, error) => {
  const { first, again, call, retried } = setUp();
  const begunAtMs = Date.now();
  const outcome = outcomeOf(call(ITEMS, signal));
  await vi.advanceTimersByTimeAsync(7);

  await first[0]?.fail(error);
  await vi.advanceTimersToNextTimerAsync();

  const passedMs = Date.now() - begunAtMs;
  expect(again[0]?.items).toEqual(ITEMS.map((item) => ({ ...item, budget_ms: item.budget_ms! - passedMs })));
  await again[0]?.answer();
  expect(outcome.value).toHaveLength(2);
  expect(retried()).toBe(1);
});

it.each([
  ['reset', 0, 0],
  ['connect', 25, 50],
] as const)('after %s waits %i to %i ms', async (failure, least, most) => {
  const { first, again, call } = setUp();
  void call(ITEMS, signal);

  await first[0]?.fail(new UpstreamError('allocator', failure));
  if (least > 0) await vi.advanceTimersByTimeAsync(least - 1);
  expect(again).toHaveLength(least > 0 ? 0 : 1);
  await vi.advanceTimersByTimeAsync(most - least + 1);

  expect(again).toHaveLength(1);
});

it.each([
  ['connect', 'connect', 'connect'],
  ['reset', 'connect', 'reset'],
  ['connect', 'reset', 'reset'],
] as const)('never calls a third time: %s, then %s, is %s', async (one, two, expected) => {
  const { first, again, call } = setUp();
  const outcome = outcomeOf(call(ITEMS, signal));

  await first[0]?.fail(new UpstreamError('allocator', one));
  await vi.advanceTimersByTimeAsync(50);
  await again[0]?.fail(new UpstreamError('allocator', two));
  await vi.advanceTimersByTimeAsync(400);

  expect(outcome.error).toMatchObject({ failure: expected });
  expect([first.length, again.length]).toEqual([1, 1]);
});

it.each([
  ['a refusal', new UpstreamError('allocator', 'refused', { status: 403 })],
  ['a status that says that we are wrong', new UpstreamError('allocator', 'status', { status: 413 })],
  ['a body that is no answer', new UpstreamError('allocator', 'invalid_body')],
  ['a timeout', new UpstreamError('allocator', 'timeout')],
  ['a defect', new TypeError('x is not a function')],
])('does not call again after %s', async (_name, error) => {
  const { first, again, call } = setUp();
  const outcome = outcomeOf(call(ITEMS, signal));

  await first[0]?.fail(error);
  await vi.advanceTimersByTimeAsync(400);

  expect(outcome.error).toBe(error);
  expect(again).toEqual([]);
});

it.each([
  [390, 1],
  [391, 0],
])('when the most patient of the items has waited %i ms of 435, calls again %i times', async (passedMs, calls) => {
  const { first, again, call } = setUp();
  void call(ITEMS, signal).catch(() => undefined);
  await vi.advanceTimersByTimeAsync(passedMs);

  await first[0]?.fail(new UpstreamError('allocator', 'reset'));

  expect(again).toHaveLength(calls);
});

it('does not call again when nobody waits any more', async () => {
  const { first, again, call } = setUp();
  const caller = new AbortController();
  const outcome = outcomeOf(call(ITEMS, caller.signal));
  await first[0]?.fail(new UpstreamError('allocator', 'connect'));

  caller.abort();
  await vi.advanceTimersByTimeAsync(50);

  expect(again).toEqual([]);
  expect(outcome.error).toMatchObject({ failure: 'connect' });
});

it.each([
  [0, 25],
  [0.5, 37.5],
  [0.96, 49],
])('pauses longer by chance, so that relays do not come back together: by %d of it, %d ms', async (chance, pauseMs) => {
  const [first, again] = [heldCalls(), heldCalls()];
  const { call } = retryCalls(first.allocate, again.allocate, Date.now, () => chance);
  void call(ITEMS, signal);

  await first.calls[0]?.fail(new UpstreamError('allocator', 'connect'));
  await vi.advanceTimersByTimeAsync(Math.floor(pauseMs) - 1);
  expect(again.calls).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(2);

  expect(again.calls).toHaveLength(1);
});

it.each([
  [365, 1],
  [366, 0],
])('counts the pause as time that is gone: after %i of 435 ms it makes %i more calls', async (passedMs, more) => {
  const { first, again, call } = setUp();
  void call(ITEMS, signal).catch(() => undefined);
  await vi.advanceTimersByTimeAsync(passedMs);

  await first[0]?.fail(new UpstreamError('allocator', 'connect'));
  await vi.advanceTimersByTimeAsync(25);

  expect(again).toHaveLength(more);
});

it.each([
  ['a status of 500', new UpstreamError('allocator', 'status', { status: 500 }), 1],
  ['a status of 499', new UpstreamError('allocator', 'status', { status: 499 }), 0],
  ['a status that nobody knows', new UpstreamError('allocator', 'status'), 0],
  ['an answer of another kind with a status', new UpstreamError('allocator', 'invalid_body', { status: 502 }), 0],
  ['a refusal, though with 429', new UpstreamError('allocator', 'refused', { status: 429 }), 0],
  ['a mistake of ours that looks like one of theirs', Object.assign(new Error('no'), { failure: 'reset' }), 0],
])('after %s makes %i more calls', async (_case, error, more) => {
  const { first, again, call } = setUp();
  void call(ITEMS, signal).catch(() => undefined);

  await first[0]?.fail(error);
  await vi.advanceTimersByTimeAsync(60);

  expect(again).toHaveLength(more);
});
