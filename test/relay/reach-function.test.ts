import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Allocate } from '../../lib/api/allocate.ts';
import type { BatchItem } from '../../lib/api/batch.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import type { Post } from '../../lib/relay/forward.ts';
import { reachFunction, reachOwn } from '../../lib/relay/reach-function.ts';
import { createRelay } from '../../lib/relay/relay.ts';
import { ASSIGN, fakeLog, fakeMessage } from './fake-message.ts';

const NONE_FAILED = { refused: 0, connect: 0, reset: 0, timeout: 0, status: 0, invalid_body: 0 };
const PLACED = { success: true, instance_id: '10.0.0.3' };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Plan {
  readonly tookMs: number;
  readonly end: 'answer' | 'reset' | 'unavailable' | 'hang';
}

/** A relay before a function whose calls go as `plan` says, one entry each. */
function setUp(plan: (call: number) => Plan, keepWarm = 0) {
  const { log } = fakeLog();
  /** How often each attempt was posted. */
  const posted = new Map<unknown, number>();
  let calls = 0;
  const post: Post = (items, signal) => {
    for (const { attempt } of items) posted.set(attempt, (posted.get(attempt) ?? 0) + 1);
    const { tookMs, end } = plan(calls++);
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new UpstreamError('allocator', 'timeout')));
      if (end === 'hang') return;
      setTimeout(() => {
        if (end === 'answer') resolve(items.map(() => PLACED));
        else if (end === 'reset') reject(new UpstreamError('allocator', 'reset'));
        else reject(new UpstreamError('allocator', 'status', { status: 503, outcome: 'unknown' }));
      }, tookMs);
    });
  };
  const way = reachFunction({ post, keepWarm, clock: Date.now, random: Math.random, log });
  const relay = createRelay({ allocate: way.allocate, clock: Date.now, log, maxInFlight: 1024 });
  return { way, relay: { ...relay, ...relay.serve(ASSIGN) }, posted, calls: () => calls };
}

it('answers from another environment, and keeps those behind it moving, when a call hangs', async () => {
  let hangs = false;
  const { relay, way } = setUp(() => ({ tookMs: 5, end: hangs ? 'hang' : 'answer' }));
  for (let i = 0; i < 60; i += 1) {
    // More than fit one call: a second one goes out beside it.
    for (let k = 0; k < 96; k += 1) relay.handle(fakeMessage({ game_id: `g${i}-${k}` }).message);
    await vi.advanceTimersByTimeAsync(10);
  }
  const hanging = fakeMessage({ game_id: 'hanging' });
  const behind = fakeMessage({ game_id: 'behind' });

  hangs = true;
  relay.handle(hanging.message);
  await vi.advanceTimersByTimeAsync(0);
  hangs = false;
  relay.handle(behind.message);
  await vi.advanceTimersByTimeAsync(25 + 5);

  expect([hanging, behind].map(({ replies }) => replies.map(({ body }) => body))).toEqual([[PLACED], [PLACED]]);
  expect(way.stats()).toMatchObject({ hedged: 1, hedgesWon: 1, retried: 0, failures: NONE_FAILED });
});

it('counts what it sends', async () => {
  let call = 0;
  const { way, relay } = setUp(() => ({ tookMs: 5, end: call++ === 1 ? 'reset' : 'answer' }), 1);
  await vi.advanceTimersByTimeAsync(10);

  relay.handle(fakeMessage({ game_id: 'g' }).message);
  await vi.advanceTimersByTimeAsync(10);

  expect(way.stats()).toEqual({
    calls: 2,
    hedged: 0,
    hedgesWon: 0,
    retried: 1,
    warmCalls: 1,
    failures: { ...NONE_FAILED, reset: 1 },
    attempts: { ok: 2, reset: 1 },
  });
  way.stop();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(way.stats().warmCalls).toBe(1);
});

it('replies to each message once and in time, and posts it three times at most, whatever its calls come to', async () => {
  const Plan = fc.record({
    tookMs: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 10 }) }, fc.integer({ min: 1, max: 600 })),
    end: fc.oneof(
      { weight: 20, arbitrary: fc.constant('answer' as const) },
      fc.constantFrom('reset' as const, 'unavailable' as const, 'hang' as const),
    ),
  });
  const Burst = fc.record({ messages: fc.integer({ min: 1, max: 40 }), gapMs: fc.integer({ min: 0, max: 30 }) });
  const seen = { hedged: 0, retried: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(Plan, { minLength: 50, maxLength: 100 }),
      fc.array(Burst, { minLength: 50, maxLength: 100 }),
      async (plans, bursts) => {
        const { way, relay, posted, calls } = setUp((call) => plans[call % plans.length]!);
        const sent: { atMs: number; repliedAtMs: number[] }[] = [];
        for (const { messages, gapMs } of bursts) {
          for (let i = 0; i < messages; i += 1) {
            const entry = { atMs: Date.now(), repliedAtMs: [] as number[] };
            sent.push(entry);
            const { message } = fakeMessage({ game_id: `g${sent.length}` });
            relay.handle({ ...message, reply: () => entry.repliedAtMs.push(Date.now()) });
          }
          await vi.advanceTimersByTimeAsync(gapMs);
        }
        await vi.advanceTimersByTimeAsync(1000);

        expect(sent.filter(({ repliedAtMs }) => repliedAtMs.length !== 1)).toEqual([]);
        expect(sent.filter(({ atMs, repliedAtMs }) => repliedAtMs[0]! - atMs > 450)).toEqual([]);
        expect(Math.max(...posted.values())).toBeLessThanOrEqual(3);
        const { hedged, retried, calls: made } = way.stats();
        expect(made).toBe(calls());
        expect(hedged).toBeLessThanOrEqual((made - hedged - retried) * 0.05);
        expect(relay.inFlight()).toBe(0);
        expect(vi.getTimerCount()).toBe(0);
        seen.hedged += hedged;
        seen.retried += retried;
      },
    ),
    { numRuns: 50 },
  );
  expect(seen.hedged).toBeGreaterThan(10); // both were put to the test at all
  expect(seen.retried).toBeGreaterThan(10);
});

it('asks once for a list that many want', async () => {
  const asked: (readonly BatchItem[])[] = [];
  const reply = { success: true, instances: [{ address: '10.0.0.3', rest_port: 1, grpc_port: 2 }] } as const;
  const answer: Allocate = async (items) => {
    asked.push(items);
    return items.map(() => reply);
  };
  const { log } = fakeLog();
  const ways = [
    reachOwn(answer, Date.now),
    reachFunction({ post: answer, keepWarm: 0, clock: Date.now, random: Math.random, log }),
  ];

  for (const { allocate } of ways) {
    const item: BatchItem = { op: 'instances', request: {}, budget_ms: 400 };
    const replies = await Promise.all(Array.from({ length: 64 }, () => allocate([item], new AbortController().signal)));
    expect(replies).toEqual(Array(64).fill([reply]));
  }

  expect(asked.map((items) => items.length)).toEqual([1, 1]);
});

it("gathers messages before the allocator in the relay's own process too, and leaves retrying to that", async () => {
  const batches: number[] = [];
  const way = reachOwn(async (items) => {
    batches.push(items.length);
    await new Promise((resolve) => setTimeout(resolve, 5));
    throw new UpstreamError('redis', 'reset');
  }, Date.now);
  const ask = (game_id: string) =>
    way.allocate([{ op: 'assign', request: { game_id } }], new AbortController().signal).catch(() => 'failed');
  const failed = [ask('a')];
  await vi.advanceTimersByTimeAsync(1);
  failed.push(ask('b'), ask('c'));

  await vi.advanceTimersByTimeAsync(100);

  expect(await Promise.all(failed)).toEqual(['failed', 'failed', 'failed']);
  expect(batches).toEqual([1, 2]);
  expect(way.stats()).toEqual({
    calls: 2,
    hedged: 0,
    hedgesWon: 0,
    retried: 0,
    warmCalls: 0,
    failures: { ...NONE_FAILED, reset: 2 },
    attempts: { reset: 2 },
  });
});

it.each(['fleet', 'explain'])('sends %s by itself: beside a call for games, and not with them', async (op) => {
  const posts: (readonly BatchItem[])[] = [];
  const post: Post = (items) => {
    posts.push(items);
    return new Promise(() => undefined);
  };
  const { log } = fakeLog();
  const { allocate, stats } = reachFunction({ post, keepWarm: 0, clock: Date.now, random: Math.random, log });
  const game = (attempt: string) => ({ op: 'assign', request: {}, attempt });
  const signal = new AbortController().signal;

  void allocate([game('a')], signal);
  await vi.advanceTimersByTimeAsync(1);
  void allocate([game('b')], signal);
  void allocate([{ op, request: {} }], signal);
  await vi.advanceTimersByTimeAsync(1);

  expect(posts.map((items) => items.map((item) => item.op))).toEqual([['assign'], [op]]);
  expect(stats().calls).toBe(1);
});

it('asks itself what looks into it, in the same way', async () => {
  const calls: string[][] = [];
  const own: Allocate = (items) => {
    calls.push(items.map((item) => item.op));
    return new Promise(() => undefined);
  };
  const { allocate } = reachOwn(own, Date.now);
  const signal = new AbortController().signal;

  void allocate([{ op: 'assign', request: {} }], signal);
  void allocate([{ op: 'fleet', request: {} }], signal);
  await vi.advanceTimersByTimeAsync(1);

  expect(calls).toEqual([['fleet'], ['assign']]);
});
