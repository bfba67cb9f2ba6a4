import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Allocate } from '../../lib/api/allocate.ts';
import { MAX_REQUEST_BYTES } from '../../lib/api/assign-request.ts';
import { BatchItem } from '../../lib/api/batch.ts';
import type { Op } from '../../lib/api/op.ts';
import { FAILURES, type FailureCode, failureReply, type Reply } from '../../lib/api/outcomes.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { batchItems } from '../../lib/relay/batch-items.ts';
import type { Endpoint } from '../../lib/relay/endpoints.ts';
import type { RelayMessage } from '../../lib/relay/read-message.ts';
import { createRelay, type RelayOptions } from '../../lib/relay/relay.ts';
import { ASSIGN, fakeLog, fakeMessage } from './fake-message.ts';

const PLACED: Reply = { success: true, instance_id: '10.0.0.3', port: 5002 };
const REQUEST = { game_id: 'g1', settings: { resource_level: 'high' } };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function startRelay(allocate: Allocate, maxInFlight = 1024, endpoint = ASSIGN, more: Partial<RelayOptions> = {}) {
  const { log, events } = fakeLog();
  const told: unknown[] = [];
  const onReply: RelayOptions['onReply'] = ({ request }, reply) => told.push({ request, reply });
  const relay = createRelay({ allocate, clock: Date.now, log, maxInFlight, onReply, ...more });
  return { relay: { ...relay, ...relay.serve(endpoint) }, events, told };
}

/** An Allocate that answers each call with the next of `answers` after `delayMs`, and keeps what it was asked. */
function scripted(answers: readonly (Reply | Error | readonly Reply[])[], delayMs = 0) {
  const calls: { items: readonly BatchItem[]; signal: AbortSignal; atMs: number }[] = [];
  const allocate: Allocate = async (items, signal) => {
    const answer = answers[calls.length];
    calls.push({ items, signal, atMs: Date.now() });
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (answer === undefined) throw new Error('asked more often than expected');
    if (answer instanceof Error) throw answer;
    return Array.isArray(answer) ? answer : [answer as Reply];
  };
  return { allocate, calls };
}

/** Never answers, and like a real client gives up when it is told to. */
const silent: Allocate = (_items, signal) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new UpstreamError('allocator', 'timeout')));
  });

function failed(code: FailureCode, message?: string) {
  const body = failureReply(message === undefined ? { code } : { code, message });
  return { body, error: { message: body.message, status: FAILURES[code].status } };
}

it('passes a request on as one batch item and its reply back unchanged', async () => {
  const { allocate, calls } = scripted([PLACED]);
  const { relay } = startRelay(allocate);
  const { message, replies } = fakeMessage({ ...REQUEST, more: 1 });

  relay.handle(message);
  await vi.advanceTimersByTimeAsync(0);

  expect(replies).toEqual([{ body: PLACED, error: undefined }]);
  expect(calls).toHaveLength(1);
  const [item] = calls[0]!.items;
  expect(item).toEqual({ op: 'assign', request: REQUEST, budget_ms: 435, attempt: expect.any(String) });
  expect(BatchItem.safeParse(item).success).toBe(true);
  expect(relay.counts()).toMatchObject({ received: 1, succeeded: 1, failed: {} });
  expect(relay.stats()).toEqual({ received: 1, failed: {}, late: 0, unsent: 0, overloaded: 0, rateLimited: 0 });
  expect(relay.inFlight()).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

it('gives every message an attempt of its own', async () => {
  const { allocate, calls } = scripted([PLACED, PLACED]);
  const { relay } = startRelay(allocate);

  relay.handle(fakeMessage(REQUEST).message);
  relay.handle(fakeMessage(REQUEST).message);
  await vi.advanceTimersByTimeAsync(0);

  expect(new Set(calls.map((call) => call.items[0]!.attempt)).size).toBe(2);
});

it('passes a failure on with its message and status for the headers', async () => {
  const { relay } = startRelay(scripted([failureReply({ code: 'no_capacity' })]).allocate);
  const { message, replies } = fakeMessage(REQUEST);

  relay.handle(message);
  await vi.advanceTimersByTimeAsync(0);

  expect(replies).toEqual([failed('no_capacity')]);
  expect(replies[0]!.error!.status).toBe(429);
  expect(relay.counts()).toMatchObject({ succeeded: 0, failed: { no_capacity: 1 } });
  expect(relay.stats().failed).toEqual({ no_capacity: 1 });
});

it('keeps the message for the header to one line of at most 200 characters', async () => {
  const { relay } = startRelay(
    scripted([failureReply({ code: 'conflict', message: `a\r\nb ${'😀'.repeat(300)}` })]).allocate,
  );
  const { message, replies } = fakeMessage(REQUEST);

  relay.handle(message);
  await vi.advanceTimersByTimeAsync(0);

  expect(replies[0]!.error!.message).toBe(`a b ${'😀'.repeat(196)}`);
});

it.each([
  ['text that is not JSON', 'nope', 'The request must be JSON text in UTF-8.'],
  ['no game_id', {}, 'game_id is required.'],
  ['null for settings', { game_id: 'g', settings: null }, 'settings must be an object.'],
  [
    'an unknown level',
    { game_id: 'g', settings: { resource_level: 'x' } },
    'settings.resource_level must be "low" or "high".',
  ],
  ['an empty payload', '', 'The request must be JSON text in UTF-8.'],
])('answers %s at once as invalid_request and asks nobody', async (_name, body, text) => {
  const { allocate, calls } = scripted([]);
  const { relay } = startRelay(allocate);
  const { message, replies } = fakeMessage(body);

  relay.handle(message);

  expect(replies).toEqual([failed('invalid_request', text)]);
  expect(calls).toEqual([]);
  expect(relay.inFlight()).toBe(0);
});

it('takes a request of exactly the largest size and refuses one byte more', async () => {
  const { allocate, calls } = scripted([PLACED]);
  const { relay } = startRelay(allocate);
  const largest = fakeMessage(JSON.stringify(REQUEST).padEnd(MAX_REQUEST_BYTES));
  const larger = fakeMessage(JSON.stringify(REQUEST).padEnd(MAX_REQUEST_BYTES + 1));

  relay.handle(largest.message);
  relay.handle(larger.message);
  await vi.advanceTimersByTimeAsync(0);

  expect(largest.replies[0]!.body).toEqual(PLACED);
  expect(larger.replies).toEqual([failed('too_large', 'The request must have at most 16384 bytes.')]);
  expect(calls).toHaveLength(1);
});

it.each([
  ['100', 35],
  ['2000', 1935],
  ['10000', 9935],
])('takes Timeout-Ms %s and leaves the function what remains', async (timeout, budgetMs) => {
  const { allocate, calls } = scripted([PLACED]);
  const { relay } = startRelay(allocate);

  relay.handle(fakeMessage(REQUEST, { 'timeout-ms': timeout }).message);
  await vi.advanceTimersByTimeAsync(0);

  expect(calls[0]!.items[0]!.budget_ms).toBe(budgetMs);
});

it.each(['99', '10001', '-500', '500.5', 'NaN', '', ' 500', '1e3'])('refuses Timeout-Ms %j by its name', (timeout) => {
  const { relay } = startRelay(scripted([]).allocate);
  const { message, replies } = fakeMessage(REQUEST, { 'Timeout-Ms': timeout });

  relay.handle(message);

  expect(replies).toEqual([failed('invalid_request', 'Timeout-Ms must be a whole number from 100 to 10000.')]);
});

it('refuses a message whose headers cannot be read', () => {
  const { relay } = startRelay(scripted([]).allocate);
  const { message, replies } = fakeMessage(REQUEST);
  const unreadable: RelayMessage = {
    ...message,
    header: () => {
      throw new Error('bad header');
    },
  };

  relay.handle(unreadable);

  expect(replies[0]!.body).toMatchObject({ code: 'invalid_request' });
});

it.each([
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', true],
  ['00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01', false],
  ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', false],
  ['ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', false],
  ['hello', false],
])('passes traceparent %s on: %s', async (traceparent, passed) => {
  const { allocate, calls } = scripted([PLACED]);
  const { relay } = startRelay(allocate);

  relay.handle(fakeMessage(REQUEST, { Traceparent: traceparent }).message);
  await vi.advanceTimersByTimeAsync(0);

  expect(calls[0]!.items[0]!.traceparent).toBe(passed ? traceparent : undefined);
});

it('answers deadline_exceeded 50 ms before the caller gives up, and tells the call to stop', async () => {
  const signals: AbortSignal[] = [];
  const { relay, events } = startRelay((items, signal) => {
    signals.push(signal);
    return silent(items, signal);
  });
  const { message, replies } = fakeMessage(REQUEST);

  relay.handle(message);
  await vi.advanceTimersByTimeAsync(449);
  expect(replies).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);

  expect(replies).toEqual([failed('deadline_exceeded')]);
  expect(signals[0]!.aborted).toBe(true);
  expect(relay.inFlight()).toBe(0);
  expect(relay.counts()).toMatchObject({ failed: { deadline_exceeded: 1 }, tookMs: { count: 1, sum: 450 } });
  expect(events).toEqual([]);
});

it('drops and counts a reply that comes after the deadline, and tells of it all the same', async () => {
  const { relay, told } = startRelay(scripted([PLACED], 700).allocate);
  const { message, replies } = fakeMessage(REQUEST);

  relay.handle(message);
  await vi.advanceTimersByTimeAsync(1000);

  expect(replies).toEqual([failed('deadline_exceeded')]);
  expect(relay.stats().late).toBe(1);
  expect(told).toEqual([{ request: REQUEST, reply: PLACED }]);
  expect(relay.counts().succeeded).toBe(0);
});

it('answers overloaded at once beyond the cap, and takes requests again below it', async () => {
  const { allocate, calls } = scripted([PLACED, PLACED, PLACED], 100);
  const { relay, events } = startRelay(allocate, 2);
  const sent = Array.from({ length: 5 }, () => fakeMessage(REQUEST));

  for (const { message } of sent) relay.handle(message);
  expect(sent.map(({ replies }) => replies.length)).toEqual([0, 0, 1, 1, 1]);
  await vi.advanceTimersByTimeAsync(100);
  const later = fakeMessage(REQUEST);
  relay.handle(later.message);
  await vi.advanceTimersByTimeAsync(100);

  expect(sent[4]!.replies).toEqual([failed('overloaded')]);
  expect(sent[0]!.replies[0]!.body).toEqual(PLACED);
  expect(later.replies[0]!.body).toEqual(PLACED);
  expect(calls).toHaveLength(3);
  expect(events).toEqual(['overloaded']);
  expect(relay.stats()).toMatchObject({ overloaded: 3, rateLimited: 0 });
});

it.each([
  ['an answer', REQUEST, {}, 450],
  ['an answer to a patient caller', REQUEST, { 'Timeout-Ms': '2000' }, 1950],
  ['a refusal', {}, {}, 450],
])('says until when %s is of use', async (_name, body, headers, usefulForMs) => {
  const { relay } = startRelay(scripted([PLACED], 30).allocate);
  const { message } = fakeMessage(body, headers);
  const untilMs: number[] = [];
  const atMs = Date.now();

  relay.handle({ ...message, reply: (_payload, usefulUntilMs) => untilMs.push(usefulUntilMs) });
  await vi.advanceTimersByTimeAsync(30);

  expect(untilMs).toEqual([atMs + usefulForMs]);
});

it('refuses at once what is over the rate, counts it, and takes as many as the rate allows afterwards', async () => {
  const { allocate, calls } = scripted(Array(10).fill(PLACED));
  const { relay, events } = startRelay(allocate, 1024, ASSIGN, { rateLimit: { perS: 10, burst: 3 } });
  const flood = Array.from({ length: 50 }, () => fakeMessage(REQUEST));

  for (const { message } of flood) relay.handle(message);
  expect(flood.slice(3).map(({ replies }) => replies)).toEqual(Array(47).fill([failed('overloaded')]));
  await vi.advanceTimersByTimeAsync(100);
  relay.handle(fakeMessage(REQUEST).message);
  relay.handle(fakeMessage(REQUEST).message);
  await vi.advanceTimersByTimeAsync(0);

  expect(calls).toHaveLength(4);
  expect(relay.stats()).toMatchObject({ overloaded: 0, rateLimited: 48, failed: { overloaded: 48 } });
  expect(events).toEqual(['rate_limited']);
});

it('takes every event, however many come', async () => {
  const { allocate, calls } = scripted(Array(20).fill({ success: true }));
  const over: Endpoint = { name: 'over', subject: 'game.over.*', op: 'release', kind: 'event' };
  const { relay } = startRelay(allocate, 1024, over, { rateLimit: { perS: 1, burst: 1 } });

  for (let i = 0; i < 20; i += 1) relay.handle({ ...fakeMessage('').message, subject: `game.over.g${i}` });
  await vi.advanceTimersByTimeAsync(0);

  expect(calls).toHaveLength(20);
  expect(relay.stats().rateLimited).toBe(0);
});

it.each([
  ['nothing was sent', new UpstreamError('allocator', 'connect'), 'upstream_unavailable'],
  ['the connection broke', new UpstreamError('allocator', 'reset'), 'deadline_exceeded'],
  ['a refusal', new UpstreamError('allocator', 'refused', { status: 403 }), 'upstream_unavailable'],
  [
    'a status that says that we are wrong',
    new UpstreamError('allocator', 'status', { status: 413 }),
    'upstream_unavailable',
  ],
  [
    'a status after which it may have happened',
    new UpstreamError('allocator', 'status', { status: 502, outcome: 'unknown' }),
    'deadline_exceeded',
  ],
  ['a body that is no answer', new UpstreamError('allocator', 'invalid_body'), 'upstream_unavailable'],
  ['a timeout', new UpstreamError('allocator', 'timeout'), 'deadline_exceeded'],
  ['a defect', new TypeError('x is not a function'), 'upstream_unavailable'],
] as const)('asks once and tells what it came to: %s', async (_name, error, code) => {
  const { allocate, calls } = scripted([error]);
  const { relay, events } = startRelay(allocate);
  const { message, replies } = fakeMessage(REQUEST);

  relay.handle(message);
  await vi.advanceTimersByTimeAsync(100);

  expect(replies).toEqual([failed(code)]);
  expect(calls).toHaveLength(1);
  expect(events).toEqual(['allocator_unavailable']);
});

it('keeps one timer for the messages whose deadlines fall into the same millisecond', async () => {
  const { relay } = startRelay(silent);
  const sent = Array.from({ length: 20 }, () => fakeMessage(REQUEST));

  for (const { message } of sent) relay.handle(message);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(450);

  expect(sent.map(({ replies }) => replies)).toEqual(Array(20).fill([failed('deadline_exceeded')]));
  expect(relay.inFlight()).toBe(0);
});

it.each([
  ['no reply', []],
  ['two replies', [PLACED, PLACED]],
])('answers upstream_unavailable when %s comes back for one item', async (_name, answer) => {
  const { relay } = startRelay(scripted([answer]).allocate);
  const { message, replies } = fakeMessage(REQUEST);

  relay.handle(message);
  await vi.advanceTimersByTimeAsync(100);

  expect(replies).toEqual([failed('upstream_unavailable')]);
});

it('survives an allocate that throws before it returns a promise', async () => {
  const { relay } = startRelay(() => {
    throw new Error('at once');
  });
  const { message, replies } = fakeMessage(REQUEST);

  relay.handle(message);
  await vi.advanceTimersByTimeAsync(0);

  expect(replies).toEqual([failed('upstream_unavailable')]);
});

it('carries out a message that nobody waits for', async () => {
  const { allocate, calls } = scripted([PLACED]);
  const { relay } = startRelay(allocate);
  const { message } = fakeMessage(REQUEST);

  const { reply, ...withoutReply } = message;
  relay.handle(withoutReply);
  await vi.advanceTimersByTimeAsync(0);

  expect(calls).toHaveLength(1);
  expect(relay.counts().succeeded).toBe(1);
});

it('sends a short failure in place of a reply that is too large, and counts one that cannot be sent at all', async () => {
  const { relay, events } = startRelay(scripted([PLACED, PLACED]).allocate);
  const sent: unknown[] = [];
  const small: RelayMessage = {
    ...fakeMessage(REQUEST).message,
    reply: (payload) => {
      sent.push(JSON.parse(Buffer.from(payload).toString()));
      if (sent.length === 1) throw new Error('max_payload size exceeded');
    },
  };
  const closed: RelayMessage = {
    ...fakeMessage(REQUEST).message,
    reply: () => {
      throw new Error('closed');
    },
  };

  relay.handle(small);
  relay.handle(closed);
  await vi.advanceTimersByTimeAsync(0);

  expect(sent[1]).toMatchObject({ success: false, code: 'upstream_unavailable' });
  expect(relay.stats().unsent).toBe(1);
  expect(events).toEqual(['reply_refused', 'reply_refused', 'reply_not_sent']);
  expect(relay.inFlight()).toBe(0);
});

it('is idle when everything has been answered, and not before', async () => {
  const { relay } = startRelay(scripted([PLACED, PLACED], 200).allocate);
  let idle = false;
  await relay.finish();

  relay.handle(fakeMessage(REQUEST).message);
  const waiting = relay.finish().then(() => {
    idle = true;
  });
  await vi.advanceTimersByTimeAsync(199);
  expect(idle).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await waiting;

  expect(idle).toBe(true);
});

it('says once a second that the function cannot be had, however many requests fail', async () => {
  const { relay, events } = startRelay(async () => {
    throw new UpstreamError('allocator', 'refused');
  });

  for (let i = 0; i < 50; i += 1) {
    relay.handle(fakeMessage(REQUEST).message);
    await vi.advanceTimersByTimeAsync(40);
  }

  expect(events).toEqual(['allocator_unavailable', 'allocator_unavailable']);
});

it('counts each endpoint for itself, and all of them together', async () => {
  const { relay } = startRelay(scripted([PLACED, { success: true }]).allocate);
  const release = relay.serve({ name: 'release', subject: 'game.release.request', op: 'release', kind: 'request' });

  relay.handle(fakeMessage(REQUEST).message);
  await vi.advanceTimersByTimeAsync(0);
  release.handle(fakeMessage({ game_id: 'g1' }).message);
  release.handle(fakeMessage({}).message);
  await vi.advanceTimersByTimeAsync(0);

  expect(relay.counts()).toMatchObject({ received: 1, succeeded: 1, failed: {} });
  expect(release.counts()).toMatchObject({ received: 2, succeeded: 1, failed: { invalid_request: 1 } });
  expect(relay.stats()).toMatchObject({ received: 3, failed: { invalid_request: 1 } });
});

it.each<[Op, unknown, string]>([
  ['lookup', { game_id: 'g1' }, 'game_id is required.'],
  ['renew', { game_id: 'g1' }, 'game_id is required.'],
  ['release', { game_id: 'g1' }, 'game_id is required.'],
  ['instance', { resource_type: 'ram' }, 'resource_type must be "cpu" or "ram".'],
  ['instances', {}, 'The request must be a JSON object.'],
])('reads a message to %s by its own rules and passes it on under its own name', async (op, request, problem) => {
  const { allocate, calls } = scripted([{ success: true }]);
  const endpoint: Endpoint = { name: op, subject: `ai.${op}.request`, op, service: 'ai-service', kind: 'request' };
  const { relay } = startRelay(allocate, 1024, endpoint);
  const good = fakeMessage({ ...(request as object), more: 1 });
  const bad = fakeMessage(op === 'instances' ? [] : { resource_type: 'disk' });

  relay.handle(good.message);
  relay.handle(bad.message);
  await vi.advanceTimersByTimeAsync(0);

  const more = { attempt: expect.any(String), budget_ms: 435 };
  expect(calls.map(({ items }) => items)).toEqual([[{ op, service: 'ai-service', request, ...more }]]);
  expect(good.replies[0]?.body).toEqual({ success: true });
  expect(bad.replies).toEqual([failed('invalid_request', problem)]);
});

describe('an event', () => {
  const OVER: Endpoint = { name: 'release-event-1', subject: 'game.over.*', op: 'release', kind: 'event' };
  const over = (gameId: string, payload = 'no JSON') => {
    const { message, replies } = fakeMessage(payload, { 'Timeout-Ms': 'none' });
    return { message: { ...message, subject: `game.over.${gameId}` }, replies };
  };

  it('ends the game that its subject names, whatever it says besides, and is not answered', async () => {
    const { allocate, calls } = scripted([{ success: true }, { success: true }]);
    const { relay } = startRelay(allocate, 1024, OVER);
    const sent = [over('g1'), over('игра-2', 'x'.repeat(MAX_REQUEST_BYTES + 1))];

    for (const { message } of sent) relay.handle(message);
    await vi.advanceTimersByTimeAsync(0);

    const item = { op: 'release', attempt: expect.any(String), budget_ms: 4935 };
    expect(calls.map(({ items }) => items)).toEqual([
      [{ ...item, request: { game_id: 'g1' } }],
      [{ ...item, request: { game_id: 'игра-2' } }],
    ]);
    expect(sent.map(({ replies }) => replies)).toEqual([[], []]);
    expect(relay.counts()).toMatchObject({ received: 2, succeeded: 2 });
    expect(relay.inFlight()).toBe(0);
  });

  it('that names no game is counted, and asks nobody', () => {
    const { allocate, calls } = scripted([]);
    const { relay } = startRelay(allocate, 1024, OVER);
    const { message, replies } = over('g'.repeat(129));

    relay.handle(message);

    expect(calls).toEqual([]);
    expect(replies).toEqual([]);
    expect(relay.counts().failed).toEqual({ invalid_request: 1 });
  });

  it('is not answered when it fails either', async () => {
    const { relay } = startRelay(silent, 1, OVER);
    const [first, beyondTheCap] = [over('g1'), over('g2')];

    relay.handle(first.message);
    relay.handle(beyondTheCap.message);
    await vi.advanceTimersByTimeAsync(5000);

    expect(relay.counts().failed).toEqual({ overloaded: 1, deadline_exceeded: 1 });
    expect([first.replies, beyondTheCap.replies]).toEqual([[], []]);
  });
});

describe('a message that waits for capacity', () => {
  const waiting = (waitMs: number) => ({ game_id: 'g1', settings: { wait_ms: waitMs } });
  const FULL = failureReply({ code: 'no_capacity' });

  it('gets the place that becomes free, as the same attempt', async () => {
    const { allocate, calls } = scripted([FULL, FULL, PLACED]);
    const { relay } = startRelay(allocate);
    const { message, replies } = fakeMessage(waiting(1000), { 'Timeout-Ms': '2000' });

    relay.handle(message);
    await vi.advanceTimersByTimeAsync(100);

    expect(replies).toEqual([{ body: PLACED, error: undefined }]);
    expect(calls.map(({ items }) => items[0]?.budget_ms)).toEqual([1935, 935, 885]);
    expect(new Set(calls.map(({ items }) => items[0]?.attempt)).size).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    ['says itself', 1000, '2000', 1000],
    ['has for its reply', 10_000, '500', 450],
  ])('is refused at the end of the time that it %s', async (_which, waitMs, timeout, endMs) => {
    const { relay } = startRelay(scripted(Array(40).fill(FULL)).allocate);
    const { message, replies } = fakeMessage(waiting(waitMs), { 'Timeout-Ms': timeout });

    relay.handle(message);
    await vi.advanceTimersByTimeAsync(endMs - 1);
    expect(replies).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);

    expect(replies).toEqual([failed('no_capacity')]);
    expect(relay.inFlight()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is told that its outcome is unknown where it is still being asked for at the end', async () => {
    let calls = 0;
    const { relay } = startRelay((items, signal) => (calls++ === 0 ? Promise.resolve([FULL]) : silent(items, signal)));
    const { message, replies } = fakeMessage(waiting(1000), { 'Timeout-Ms': '2000' });

    relay.handle(message);
    await vi.advanceTimersByTimeAsync(1000);

    expect(replies).toEqual([failed('deadline_exceeded')]);
  });

  it('is under way, and is refused when the relay is to finish', async () => {
    const { relay } = startRelay(scripted([FULL]).allocate, 1);
    const { message, replies } = fakeMessage(waiting(10_000), { 'Timeout-Ms': '10000' });
    const next = fakeMessage(REQUEST);
    relay.handle(message);
    await vi.advanceTimersByTimeAsync(10);

    relay.handle(next.message);
    expect(next.replies).toEqual([failed('overloaded')]);
    await relay.finish();

    expect(replies).toEqual([failed('no_capacity')]);
  });

  it('keeps no neighbour waiting, also none that came in the same batch', async () => {
    const batches: (readonly unknown[])[] = [];
    const answer: Allocate = async (items) => {
      const gameIds = items.map(({ request }) => (request as { game_id: string }).game_id);
      batches.push(gameIds);
      return gameIds.map((gameId) => (gameId === 'g1' ? FULL : PLACED));
    };
    const { relay } = startRelay(batchItems(answer, Date.now, () => 150));
    const waits = fakeMessage(waiting(1000), { 'Timeout-Ms': '2000' });
    const beside = fakeMessage({ game_id: 'beside' });
    const later = fakeMessage({ game_id: 'later' });

    relay.handle(waits.message);
    relay.handle(beside.message);
    await vi.advanceTimersByTimeAsync(0);
    relay.handle(later.message);
    await vi.advanceTimersByTimeAsync(0);

    expect(batches).toEqual([['g1', 'beside'], ['later']]);
    expect([beside, later].map(({ replies }) => replies[0]?.body)).toEqual([PLACED, PLACED]);
    expect(waits.replies).toEqual([]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(waits.replies).toEqual([failed('no_capacity')]);
  });
});

it('counts and tells of no question of the console', async () => {
  const ended: unknown[] = [];
  const onEnd: RelayOptions['onEnd'] = (reply, tookMs) => ended.push([reply.success, tookMs]);
  const { relay } = startRelay(scripted([PLACED, PLACED], 7).allocate, 1024, ASSIGN, { onEnd });
  const look = relay.serve({ op: 'lookup', kind: 'console' });
  const { message, replies } = fakeMessage({ game_id: 'g1' });

  look.handle(message);
  relay.handle(fakeMessage(REQUEST).message);
  relay.handle(fakeMessage({}).message);
  await vi.advanceTimersByTimeAsync(10);

  expect(replies).toMatchObject([{ body: PLACED }]);
  expect(relay.stats()).toMatchObject({ received: 2, failed: { invalid_request: 1 } });
  expect(ended).toEqual([
    [false, 0],
    [true, 7],
  ]);
});

it('does not wait for capacity to explain', async () => {
  const { allocate, calls } = scripted([failureReply({ code: 'no_capacity' })]);
  const { relay } = startRelay(allocate, 1024, { ...ASSIGN, op: 'explain' });
  const { message, replies } = fakeMessage({ game_id: 'g1', settings: { wait_ms: 400 } });

  relay.handle(message);
  await vi.advanceTimersByTimeAsync(0);

  expect(replies).toHaveLength(1);
  expect(calls).toHaveLength(1);
});
