import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { BatchItem } from '../../lib/api/batch.ts';
import type { Reply } from '../../lib/api/outcomes.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { batchItems } from '../../lib/relay/batch-items.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Call {
  readonly ids: readonly string[];
  readonly items: readonly BatchItem[];
  readonly signal: AbortSignal;
  /** Answers each item with its own id as the instance's. */
  answer(): Promise<void>;
  fail(error: unknown): Promise<void>;
}

function setUp() {
  const calls: Call[] = [];
  const allocate = batchItems((items, signal) => {
    const ids = items.map(({ request }) => String(request));
    return new Promise((resolve, reject) => {
      calls.push({
        ids,
        items,
        signal,
        answer: () => settle(() => resolve(ids.map((id): Reply => ({ success: true, instance_id: id })))),
        fail: (error) => settle(() => reject(error)),
      });
    });
  }, Date.now);

  async function settle(end: () => void): Promise<void> {
    end();
    await vi.advanceTimersByTimeAsync(0);
  }

  const answered: string[] = [];
  const failed: unknown[] = [];
  function ask(id: string, { signal = new AbortController().signal, budgetMs = 400 } = {}): void {
    allocate([{ op: 'assign', request: id, budget_ms: budgetMs }], signal).then(
      ([reply]) => answered.push(reply?.success ? reply.instance_id : 'failure'),
      (error: unknown) => failed.push(error),
    );
  }
  function askAll(count: number, prefix: string): string[] {
    const ids = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
    for (const id of ids) ask(id);
    return ids;
  }
  return { calls, allocate, ask, askAll, answered, failed };
}

it('sends an item that comes alone at once', () => {
  const { calls, ask } = setUp();

  ask('a');

  expect(calls.map(({ ids }) => ids)).toEqual([['a']]);
});

it('gathers what comes while a call is under way, and sends it together when that ends', async () => {
  const { calls, ask, answered } = setUp();
  ask('a');
  ask('b');
  ask('c');
  expect(calls).toHaveLength(1);

  await calls[0]?.answer();

  expect(answered).toEqual(['a']);
  expect(calls.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']]);
  await calls[1]?.answer();
  expect(answered).toEqual(['a', 'b', 'c']);
});

it('sends another call beside one under way when 32 wait, and none with 31', () => {
  const { calls, ask, askAll } = setUp();
  ask('first');

  askAll(31, 'a');
  expect(calls).toHaveLength(1);
  ask('the 32nd');

  expect(calls.map(({ ids }) => ids.length)).toEqual([1, 32]);
});

it('sends at most 64 items in a call', () => {
  const { calls, allocate } = setUp();
  const items = Array.from({ length: 100 }, (_, index): BatchItem => ({ op: 'assign', request: index }));

  void allocate(items, new AbortController().signal);

  expect(calls.map(({ ids }) => ids.length)).toEqual([64, 36]);
});

it('lets a call that takes longer than 25 ms hold up nobody', async () => {
  const { calls, ask, answered } = setUp();
  ask('stuck');
  await vi.advanceTimersByTimeAsync(5);
  ask('behind it');

  await vi.advanceTimersByTimeAsync(19);
  expect(calls).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(calls.map(({ ids }) => ids)).toEqual([['stuck'], ['behind it']]);
  ask('a third');
  expect(calls).toHaveLength(2); // waits for the young call, not for the stuck one
  await calls[1]?.answer();

  expect(calls.map(({ ids }) => ids)).toEqual([['stuck'], ['behind it'], ['a third']]);
  expect(answered).toEqual(['behind it']);
});

it('takes the time that an item has waited off its budget', async () => {
  const { calls, ask } = setUp();
  ask('a');
  await vi.advanceTimersByTimeAsync(4);
  ask('b', { budgetMs: 400 });
  await vi.advanceTimersByTimeAsync(10);

  await calls[0]?.answer();

  expect(calls[1]?.items).toEqual([{ op: 'assign', request: 'b', budget_ms: 390 }]);
});

it('hands the failure of a call to each of its items, and goes on', async () => {
  const { calls, ask, failed } = setUp();
  const error = new UpstreamError('allocator', 'reset');
  ask('a');
  ask('b');
  ask('c');
  await calls[0]?.answer();

  await calls[1]?.fail(error);

  expect(failed).toEqual([error, error]);
  ask('d');
  expect(calls[2]?.ids).toEqual(['d']);
});

it('fails the items that an answer leaves out', async () => {
  const failed: unknown[] = [];
  const allocate = batchItems(() => Promise.resolve([]), Date.now);

  await allocate([{ op: 'assign', request: 'a' }], new AbortController().signal).catch((error) => failed.push(error));

  expect(failed).toMatchObject([{ failure: 'invalid_body', outcome: 'unknown' }]);
});

it('does not send an item whose caller has been answered meanwhile', async () => {
  const { calls, ask, failed } = setUp();
  const caller = new AbortController();
  ask('a');
  ask('forsaken', { signal: caller.signal });
  ask('c');
  caller.abort();

  await calls[0]?.answer();

  expect(calls[1]?.ids).toEqual(['c']);
  expect(failed).toMatchObject([{ failure: 'timeout', outcome: 'none' }]);
});

it('stops a call when nobody waits for any of its items any more, and not before', async () => {
  const { calls, ask } = setUp();
  const [b, c] = [new AbortController(), new AbortController()];
  ask('a');
  ask('b', { signal: b.signal });
  ask('c', { signal: c.signal });
  await calls[0]?.answer();

  b.abort();
  expect(calls[1]?.signal.aborted).toBe(false);
  c.abort();

  expect(calls[1]?.signal.aborted).toBe(true);
});
