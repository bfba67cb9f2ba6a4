import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Allocate } from '../../lib/api/allocate.ts';
import type { BatchItem } from '../../lib/api/batch.ts';
import type { Reply } from '../../lib/api/outcomes.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { batchItems } from '../../lib/relay/batch-items.ts';
import { createRelayMeter } from '../../lib/relay/relay-meter.ts';

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

function setUp(slowMs = () => 25) {
  const calls: Call[] = [];
  const send: Allocate = (items, signal) => {
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
  };
  const meter = createRelayMeter();
  const allocate = batchItems(send, Date.now, slowMs, meter);

  async function settle(end: () => void): Promise<void> {
    end();
    await vi.advanceTimersByTimeAsync(0);
  }

  const answered: string[] = [];
  const failed: unknown[] = [];
  function ask(id: string, { signal = new AbortController().signal, budgetMs = 400 } = {}): void {
    allocate([{ op: 'assign', request: id, budget_ms: budgetMs }], signal).then(
      ([reply]) => answered.push(reply !== undefined && 'instance_id' in reply ? reply.instance_id : 'failure'),
      (error: unknown) => failed.push(error),
    );
  }
  function askAll(count: number, prefix: string): string[] {
    const ids = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
    for (const id of ids) ask(id);
    return ids;
  }
  return { calls, allocate, ask, askAll, answered, failed, meter };
}

/** What is done at once is done then. */
const now = () => vi.advanceTimersByTimeAsync(0);

it('sends an item that comes alone at once', async () => {
  const { calls, ask } = setUp();

  ask('a');
  await now();

  expect(calls.map(({ ids }) => ids)).toEqual([['a']]);
});

it('sends what comes in one go together', async () => {
  const { calls, askAll } = setUp();

  const ids = askAll(16, 'a');
  await now();

  expect(calls.map((call) => call.ids)).toEqual([ids]);
});

it('gathers what comes while a call is under way, and sends it together when that ends', async () => {
  const { calls, ask, answered } = setUp();
  for (const id of ['a', 'b', 'c']) {
    ask(id);
    await now();
  }
  expect(calls).toHaveLength(1);

  await calls[0]?.answer();

  expect(answered).toEqual(['a']);
  expect(calls.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']]);
  await calls[1]?.answer();
  expect(answered).toEqual(['a', 'b', 'c']);
});

it('sends another call beside one under way when 32 wait, and none with 31', async () => {
  const { calls, ask, askAll } = setUp();
  ask('first');
  await now();

  askAll(31, 'a');
  await now();
  expect(calls).toHaveLength(1);
  ask('the 32nd');
  await now();

  expect(calls.map(({ ids }) => ids.length)).toEqual([1, 32]);
});

it.each([
  [100, [64, 36]],
  [95, [64]], // and 31 wait
])('sends at most 64 items in a call: %i in one go', async (count, expected) => {
  const { calls, allocate } = setUp();
  const items = Array.from({ length: count }, (_, index): BatchItem => ({ op: 'assign', request: index }));

  void allocate(items, new AbortController().signal);
  await now();

  expect(calls.map(({ ids }) => ids.length)).toEqual(expected);
});

it('lets a call that is slow hold up nobody', async () => {
  const { calls, ask, answered } = setUp();
  ask('stuck');
  await vi.advanceTimersByTimeAsync(5);
  ask('behind it');

  await vi.advanceTimersByTimeAsync(19);
  expect(calls).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(calls.map(({ ids }) => ids)).toEqual([['stuck'], ['behind it']]);
  ask('a third');
  await now();
  expect(calls).toHaveLength(2); // waits for the young call, not for the stuck one
  await calls[1]?.answer();

  expect(calls.map(({ ids }) => ids)).toEqual([['stuck'], ['behind it'], ['a third']]);
  expect(answered).toEqual(['behind it']);
});

it('goes by what was slow when a call began', async () => {
  const slowMs = vi.fn().mockReturnValueOnce(100).mockReturnValue(5);
  const { calls, ask } = setUp(slowMs);
  ask('stuck');
  await now();
  ask('behind it');

  await vi.advanceTimersByTimeAsync(99);
  expect(calls).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);

  expect(calls.map(({ ids }) => ids)).toEqual([['stuck'], ['behind it']]);
});

it('waits for the youngest call, also when an older one turns slow', async () => {
  const { calls, ask, askAll } = setUp();
  ask('old');
  await now();
  askAll(31, 'a');
  await vi.advanceTimersByTimeAsync(20);
  ask('the 32nd'); // a second call goes out
  await now();
  ask('waiting');

  await vi.advanceTimersByTimeAsync(24); // the old one is slow since 19 ms
  expect(calls).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);

  expect(calls[2]?.ids).toEqual(['waiting']);
});

it('leaves no timer behind when nothing is under way', async () => {
  const { calls, ask } = setUp();
  ask('a');
  await now();
  ask('b');
  await now();
  expect(vi.getTimerCount()).toBe(1);

  await calls[0]?.answer();
  await calls[1]?.answer();

  expect(vi.getTimerCount()).toBe(0);
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
  await now();
  ask('b');
  ask('c');
  await calls[0]?.answer();

  await calls[1]?.fail(error);

  expect(failed).toEqual([error, error]);
  ask('d');
  await now();
  expect(calls[2]?.ids).toEqual(['d']);
});

it('fails the items that an answer leaves out', async () => {
  const failed: unknown[] = [];
  const allocate = batchItems(
    () => Promise.resolve([]),
    Date.now,
    () => 25,
  );

  await allocate([{ op: 'assign', request: 'a' }], new AbortController().signal).catch((error) => failed.push(error));

  expect(failed).toMatchObject([{ failure: 'invalid_body', outcome: 'unknown' }]);
});

it('does not send an item whose caller has been answered meanwhile', async () => {
  const { calls, ask, failed } = setUp();
  const caller = new AbortController();
  ask('a');
  await now();
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
  ask('b', { signal: b.signal });
  ask('c', { signal: c.signal });
  ask('too', { signal: c.signal });
  await now();

  b.abort();
  expect(calls[0]?.signal.aborted).toBe(false);
  c.abort();

  expect(calls[0]?.signal.aborted).toBe(true);
});

it('tells of each batch how many it has, and of each item how long it waited', async () => {
  const { calls, ask, askAll, meter } = setUp(() => 1000);
  ask('a');
  await now();
  askAll(3, 'b');
  await vi.advanceTimersByTimeAsync(40);

  await calls[0]?.answer();

  expect(meter.batches).toMatchObject({ count: 2, sum: 4, least: 1, most: 3 });
  expect(meter.stages.queue).toMatchObject({ count: 4, sum: 120, least: 0, most: 40 });
});

it('names the allocator in what it says of an item without an answer, and of one that nobody waits for', async () => {
  const { calls, allocate, failed } = setUp();
  const gone = AbortSignal.abort();
  const ask = (id: string, signal: AbortSignal) =>
    allocate([{ op: 'assign', request: id, budget_ms: 400 }], signal).catch((error: unknown) => failed.push(error));

  void ask('gone', gone);
  await now();
  expect(failed).toEqual([expect.objectContaining({ upstream: 'allocator', failure: 'timeout', outcome: 'none' })]);
  expect(calls).toEqual([]);

  const short = batchItems(
    async () => [],
    Date.now,
    () => 25,
  );
  await expect(short([{ op: 'assign', request: 'a' }], new AbortController().signal)).rejects.toMatchObject({
    upstream: 'allocator',
    failure: 'invalid_body',
    outcome: 'unknown',
  });
});

it('makes no call for a batch of which nobody waits for anything', async () => {
  const { allocate, meter } = setUp();
  const batchSent = vi.spyOn(meter, 'batchSent');

  allocate([{ op: 'assign', request: 'gone' }], AbortSignal.abort()).catch(() => undefined);
  await now();

  expect(batchSent).not.toHaveBeenCalled();
});

it('looks once for each go, and sets one timer, however many items come in it', async () => {
  const { calls, ask } = setUp();
  const soon = vi.spyOn(globalThis, 'queueMicrotask');

  for (const id of ['a', 'b', 'c']) ask(id);
  expect(soon).toHaveBeenCalledTimes(1);
  await now();
  for (const id of ['d', 'e', 'f']) {
    ask(id);
    await now();
  }

  expect(vi.getTimerCount()).toBe(1);
  expect(calls).toHaveLength(1);
  soon.mockRestore();
});

it('sends what gathers as soon as the call under way is slow, counted from its beginning', async () => {
  vi.setSystemTime(1_760_000_000_000);
  const { calls, ask } = setUp(() => 25);
  ask('a');
  await vi.advanceTimersByTimeAsync(10);

  ask('b');
  await vi.advanceTimersByTimeAsync(14);
  expect(calls).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);

  expect(calls.map(({ ids }) => ids)).toEqual([['a'], ['b']]);
});

it('does not listen to its callers any more when their call has ended', async () => {
  const { calls, ask } = setUp();
  const caller = new AbortController();
  const listening = vi.spyOn(caller.signal, 'addEventListener');
  const released = vi.spyOn(caller.signal, 'removeEventListener');
  ask('a', { signal: caller.signal });
  await now();

  await calls[0]?.answer();

  expect(listening).toHaveBeenCalledTimes(1);
  expect(released.mock.calls).toEqual([listening.mock.calls[0]]);
  caller.abort();
  expect(calls[0]?.signal.aborted).toBe(false);
});
