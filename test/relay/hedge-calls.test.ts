import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Allocate } from '../../lib/api/allocate.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { createEnvironments } from '../../lib/relay/environments.ts';
import { hedgeCalls } from '../../lib/relay/hedge-calls.ts';
import { watchCalls } from '../../lib/relay/watch-calls.ts';
import { heldCalls, ITEMS, outcomeOf } from './held-calls.ts';

/** What a call that is slow has taken, ms, where all others were quick. */
const SLOW_MS = 25;
const signal = new AbortController().signal;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function hedging(allocate: Allocate) {
  const environments = createEnvironments(Date.now);
  const hedged = hedgeCalls(watchCalls(allocate, environments, Date.now), environments, Date.now);
  return { environments, ...hedged };
}

/** Calls of which `quick` were made and answered at once, `beside` of them beside each other at the end. */
async function setUp({ quick = 100, beside = 2 } = {}) {
  const { calls, allocate } = heldCalls();
  const { call, stats, environments } = hedging(allocate);
  for (let i = 0; i < quick - beside; i += 1) {
    void call(ITEMS, signal);
    await calls.pop()?.answer();
  }
  for (let i = 0; i < beside; i += 1) void call(ITEMS, signal);
  for (const open of calls.splice(0)) await open.answer();
  return { calls, call, stats, environments };
}

it('sends the same items once more when a call is slow, with what is left of their time', async () => {
  const { calls, call } = await setUp();

  void call(ITEMS, signal);
  await vi.advanceTimersByTimeAsync(SLOW_MS - 1);
  expect(calls).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);

  expect(calls).toHaveLength(2);
  expect(calls[1]?.items).toEqual(ITEMS.map((item) => ({ ...item, budget_ms: item.budget_ms! - SLOW_MS })));
  await vi.advanceTimersByTimeAsync(300);
  expect(calls).toHaveLength(2);
});

it.each([
  ['the first call', 0, 0],
  ['the hedge', 1, 1],
])('takes the answer of %s when that comes first, and stops the other', async (_name, winner, won) => {
  const { calls, call, stats } = await setUp();
  const outcome = outcomeOf(call(ITEMS, signal));
  await vi.advanceTimersByTimeAsync(SLOW_MS);

  await calls[winner]?.answer(`call ${winner}`);

  expect(outcome.value?.[0]).toMatchObject({ instance_id: `call ${winner}` });
  expect(calls[1 - winner]?.signal.aborted).toBe(true);
  expect(stats()).toEqual({ hedged: 1, won });
});

it('leaves no timer behind', async () => {
  const { calls, call } = await setUp();
  void call(ITEMS, signal);
  await calls[0]?.answer();
  expect(vi.getTimerCount()).toBe(0);
});

it('goes on with the one call when the other fails', async () => {
  for (const failing of [0, 1]) {
    const { calls, call } = await setUp();
    const outcome = outcomeOf(call(ITEMS, signal));
    await vi.advanceTimersByTimeAsync(SLOW_MS);

    await calls[failing]?.fail(new UpstreamError('allocator', 'reset'));
    expect(outcome).toEqual({});
    await calls[1 - failing]?.answer();

    expect(outcome.value).toHaveLength(2);
  }
});

it.each([
  ['connect', 'reset', 'reset'],
  ['reset', 'connect', 'reset'],
  ['connect', 'connect', 'connect'],
] as const)('fails when both fail, as what may have happened: %s and %s are %s', async (first, second, expected) => {
  const { calls, call } = await setUp();
  const outcome = outcomeOf(call(ITEMS, signal));
  await vi.advanceTimersByTimeAsync(SLOW_MS);

  await calls[0]?.fail(new UpstreamError('allocator', first));
  await calls[1]?.fail(new UpstreamError('allocator', second));

  expect(outcome.error).toMatchObject({ failure: expected });
});

it('does not hedge a call that has failed', async () => {
  const { calls, call } = await setUp();
  const outcome = outcomeOf(call(ITEMS, signal));

  await calls[0]?.fail(new UpstreamError('allocator', 'connect'));
  await vi.advanceTimersByTimeAsync(300);

  expect(calls).toHaveLength(1);
  expect(outcome.error).toMatchObject({ failure: 'connect' });
});

it('stops both calls when nobody waits any more', async () => {
  const { calls, call } = await setUp();
  const caller = new AbortController();
  const outcome = outcomeOf(call(ITEMS, caller.signal));
  await vi.advanceTimersByTimeAsync(SLOW_MS);

  caller.abort();
  await vi.advanceTimersByTimeAsync(0);

  expect(calls.map((made) => made.signal.aborted)).toEqual([true, true]);
  expect(outcome.error).toMatchObject({ failure: 'timeout' });
});

it('never hedges into a cold start: where no second environment has answered beside the first', async () => {
  const { calls, call, stats } = await setUp({ beside: 1 });

  void call(ITEMS, signal);
  await vi.advanceTimersByTimeAsync(400);

  expect(calls).toHaveLength(1);
  expect(stats().hedged).toBe(0);
});

it.each([
  [4, 2],
  [5, 1],
])(
  'never hedges into a cold start: %i times 50 s after the second environment answered, makes %i calls',
  async (times, made) => {
    const { calls, call } = await setUp();
    for (let i = 0; i < times; i += 1) {
      await vi.advanceTimersByTimeAsync(50_000);
      void call(ITEMS, signal);
      await calls.pop()?.answer(); // the first one stays warm
    }

    void call(ITEMS, signal);
    await vi.advanceTimersByTimeAsync(400);

    expect(calls).toHaveLength(made);
  },
);

it('never hedges a cold start', async () => {
  const { calls, call } = await setUp();
  await vi.advanceTimersByTimeAsync(60_000);

  void call(ITEMS, signal);
  await vi.advanceTimersByTimeAsync(400);

  expect(calls).toHaveLength(1);
});

it.each([
  [50, 2],
  [49, 1],
])('with %i ms for the most patient item, of which 25 pass before a hedge, makes %i calls', async (budgetMs, made) => {
  const { calls, call } = await setUp();

  void call(
    [
      { ...ITEMS[0]!, budget_ms: 30 },
      { ...ITEMS[0]!, budget_ms: budgetMs },
    ],
    signal,
  );
  await vi.advanceTimersByTimeAsync(400);

  expect(calls).toHaveLength(made);
});

it('hedges no more than 5 of any number of calls at once, and 5 % afterwards', async () => {
  const { calls, call, stats, environments } = await setUp({ quick: 500, beside: 60 });
  expect(environments.hasIdle()).toBe(true);

  for (let i = 0; i < 20; i += 1) void call(ITEMS, signal);
  await vi.advanceTimersByTimeAsync(SLOW_MS);

  expect(stats().hedged).toBe(5);
  for (const open of calls.splice(0)) await open.answer();
  for (let i = 0; i < 20; i += 1) void call(ITEMS, signal);
  await vi.advanceTimersByTimeAsync(150);
  expect(stats().hedged).toBe(6);
});

it('has at no time hedged more than 5 % of its calls, whatever they take and however they end', async () => {
  const Call = fc.record({
    gapMs: fc.integer({ min: 0, max: 40 }),
    tookMs: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 1, max: 10 }) }, fc.integer({ min: 1, max: 400 })),
    fails: fc.boolean(),
  });
  const seen = { hedged: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(Call, { minLength: 100, maxLength: 400 }), async (script) => {
      const made = new Map<unknown, number>();
      let next = 0;
      const { call, stats } = hedging((items, stop) => {
        const plan = script[next++ % script.length]!;
        const key = items[0]?.attempt;
        made.set(key, (made.get(key) ?? 0) + 1);
        return new Promise((resolve, reject) => {
          stop.addEventListener('abort', () => reject(new UpstreamError('allocator', 'timeout')));
          const failing = plan.fails && plan.tookMs > 200;
          setTimeout(() => (failing ? reject(new Error('failed')) : resolve([])), plan.tookMs);
        });
      });
      for (const [index, { gapMs }] of script.entries()) {
        void call([{ ...ITEMS[1]!, attempt: String(index) }], signal).catch(() => undefined);
        await vi.advanceTimersByTimeAsync(gapMs);
        expect(stats().hedged).toBeLessThanOrEqual((index + 1) * 0.05);
      }
      await vi.advanceTimersByTimeAsync(1000);
      expect(Math.max(...made.values())).toBeLessThanOrEqual(2);
      seen.hedged += stats().hedged;
    }),
    { numRuns: 30 },
  );
  expect(seen.hedged).toBeGreaterThan(30); // it was put to the test at all
});

it('makes a call that nobody waits for any more with a signal that says so', async () => {
  const { calls, call } = await setUp();

  void call(ITEMS, AbortSignal.abort()).catch(() => undefined);

  expect(calls[0]?.signal.aborted).toBe(true);
});

it('does not listen to its caller any more when the call has ended', async () => {
  const { calls, call } = await setUp();
  const caller = new AbortController();
  const listening = vi.spyOn(caller.signal, 'addEventListener');
  const released = vi.spyOn(caller.signal, 'removeEventListener');
  const outcome = outcomeOf(call(ITEMS, caller.signal));

  await calls[0]?.answer();

  expect(outcome.value).toHaveLength(2);
  expect(released.mock.calls).toEqual(listening.mock.calls.map(([type, listener]) => [type, listener]));
});
