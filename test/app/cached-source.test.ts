import { expect, it } from 'vitest';
import { type CachedSourceOptions, createCachedSource } from '../../lib/app/cached-source.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { controlledCall, fakeLog, fakeTime, isPending, NOW_MS } from '../support/fakes.ts';

function setUp(overrides: Partial<CachedSourceOptions<string>> & { ignoresSignal?: boolean } = {}) {
  const time = fakeTime();
  const { ignoresSignal = false, ...options } = overrides;
  const source = controlledCall<string>('consul', { ignoresSignal });
  const log = fakeLog();
  const cached = createCachedSource<string>({
    name: 'consul',
    ask: source.call,
    clock: Date.now,
    random: () => 0.5, // a backoff of exactly 1 s
    log,
    freshMs: 2000,
    besideMs: 10_000,
    staleMs: 300_000,
    timeoutMs: 150,
    ...options,
  });
  /** Reads `value` into the cache. */
  async function hold(value: string) {
    const reading = cached.read(150);
    source.last().answer(value);
    await reading;
  }
  /** Has a refresh fail, by a reader who waits for it. */
  async function failOnce(error?: unknown) {
    const reading = cached.read(150);
    source.last().fail(error);
    return reading;
  }
  return { time, source, log, cached, hold, failOnce };
}

it('makes the first reader wait for the value', async () => {
  const { source, cached } = setUp();

  const reading = cached.read(150);
  expect(await isPending(reading)).toBe(true);
  source.last().answer('a');

  expect(await reading).toMatchObject({ value: 'a', degraded: false });
});

it('uses a fresh value without asking', async () => {
  const { time, source, cached, hold } = setUp();
  await hold('a');
  await time.pass(2000);

  expect(await cached.read(150)).toMatchObject({ value: 'a', degraded: false });
  expect(source.calls.length).toBe(1);
});

it('uses an older value at once and refreshes it beside', async () => {
  const { time, source, cached, hold } = setUp();
  await hold('a');
  await time.pass(2001);

  const reading = await cached.read(150);
  expect(reading).toMatchObject({ value: 'a', degraded: false });
  expect(source.calls.length).toBe(2);

  const released = reading.release(50);
  expect(await isPending(released)).toBe(true);
  source.last().answer('b');
  await released;
  expect(await cached.read(150)).toMatchObject({ value: 'b' });
  expect(source.calls.length).toBe(2);
});

it.each([
  [10_000, false],
  [10_001, true],
])('at an age of %i ms the reader waits: %s', async (ageMs, waits) => {
  const { time, source, cached, hold } = setUp();
  await hold('a');
  await time.pass(ageMs);

  const reading = cached.read(150);

  expect(await isPending(reading)).toBe(waits);
  source.last().answer('b');
  expect((await reading).value).toBe(waits ? 'b' : 'a');
});

it('asks once for all readers of the same moment', async () => {
  const { source, cached } = setUp();

  const readings = [cached.read(150), cached.read(100), cached.read(20)];
  source.last().answer('a');

  expect((await Promise.all(readings)).map(({ value }) => value)).toEqual(['a', 'a', 'a']);
  expect(source.calls.length).toBe(1);
});

it('does not ask with less than 20 ms, and says that the value should be newer', async () => {
  const { time, source, cached, hold } = setUp();
  expect(await cached.read(19)).toMatchObject({ value: undefined, degraded: true });
  expect(source.calls.length).toBe(0);

  await hold('a');
  await time.pass(10_001);
  expect(await cached.read(-5)).toMatchObject({ value: 'a', degraded: true });
  expect(source.calls.length).toBe(1);
});

it('lets a reader go when its time is over, with nothing on a cold start', async () => {
  const { time, cached } = setUp({ timeoutMs: 60_000 });

  const reading = cached.read(100);
  await time.pass(99);
  expect(await isPending(reading)).toBe(true);
  await time.pass(1);

  expect(await reading).toMatchObject({ value: undefined, degraded: true });
});

it('ends a fetch at its own limit', async () => {
  const { time, source, cached, log } = setUp();

  const reading = cached.read(1000);
  await time.pass(150);

  expect(await reading).toMatchObject({ value: undefined, degraded: true });
  expect(source.last().signal.aborted).toBe(true);
  expect(log.lines).toMatchObject([{ event: 'source_failed', fields: { source: 'consul', failure: 'timeout' } }]);
});

it('aborts a fetch when its last waiter leaves, and not before', async () => {
  const { time, source, cached } = setUp({ timeoutMs: 60_000 });

  const short = cached.read(50);
  const long = cached.read(100);
  await time.pass(50);
  await short;
  expect(source.last().signal.aborted).toBe(false);
  await time.pass(50);
  await long;

  expect(source.last().signal.aborted).toBe(true);
});

it('a reader beside who leaves does not cut off one who waits', async () => {
  const { time, source, cached, hold } = setUp({ timeoutMs: 60_000 });
  await hold('a');
  await time.pass(9_990);
  const beside = await cached.read(150);
  await time.pass(11);
  const waiting = cached.read(150);

  const released = beside.release(50);
  await time.pass(50);
  await released;
  expect(source.last().signal.aborted).toBe(false);
  source.last().answer('b');

  expect((await waiting).value).toBe('b');
});

it('counts a reader who releases twice once', async () => {
  const { time, source, cached, hold } = setUp({ timeoutMs: 60_000 });
  await hold('a');
  await time.pass(3000);
  const first = await cached.read(150);
  const second = await cached.read(150);

  void first.release(10);
  void first.release(10);
  await time.pass(10);
  expect(source.last().signal.aborted).toBe(false);
  void second.release(10);
  await time.pass(10);

  expect(source.last().signal.aborted).toBe(true);
});

it('a refresh cut off by its readers is no failure, and the next reader waits for its own', async () => {
  const { time, source, cached, log, hold } = setUp();
  await hold('a');
  await time.pass(3000);
  const cutOff = (await cached.read(150)).release(50);
  await time.pass(50);
  await cutOff;
  expect(source.last().signal.aborted).toBe(true);

  const next = cached.read(150);

  expect(source.calls.length).toBe(3);
  expect(await isPending(next)).toBe(true);
  source.last().answer('b');
  expect(await next).toMatchObject({ value: 'b', degraded: false });
  expect(log.lines).toEqual([]);
});

it('after a refresh that was cut off and then succeeded, readers do not wait again', async () => {
  const { time, source, cached, hold } = setUp();
  await hold('a');
  await time.pass(3000);
  void (await cached.read(150)).release(0);
  await time.pass(1);
  await hold('b');
  await time.pass(3000);

  expect(await isPending(cached.read(150))).toBe(false);
  expect(source.calls.length).toBe(4);
});

it.each([
  [0, 499, 500],
  [0.5, 999, 1000],
  [0.999, 1498, 1499],
])('with a draw of %d leaves a failed source alone for %i ms and asks at %i', async (draw, tooSoonMs, againMs) => {
  const { time, source, cached, failOnce } = setUp({ random: () => draw });
  await failOnce();

  await time.pass(tooSoonMs);
  expect(await cached.read(150)).toMatchObject({ value: undefined, degraded: true });
  expect(source.calls.length).toBe(1);
  await time.pass(againMs - tooSoonMs);
  void cached.read(150);

  expect(source.calls.length).toBe(2);
});

it('uses the last value with degraded while the source fails, up to staleMs', async () => {
  const { time, hold, failOnce } = setUp();
  await hold('a');

  await time.pass(10_001);
  expect(await failOnce()).toMatchObject({ value: 'a', degraded: true });
  await time.pass(289_999);
  expect(await failOnce()).toMatchObject({ value: 'a', degraded: true });
  await time.pass(1001);
  expect(await failOnce()).toMatchObject({ value: undefined, degraded: true });
});

it('is degraded beside as well while the source fails, and no longer once it answers', async () => {
  const { time, source, cached, hold } = setUp();
  await hold('a');
  await time.pass(3000);
  const first = await cached.read(150);
  source.last().fail();
  await first.release(50);

  expect(await cached.read(150)).toMatchObject({ value: 'a', degraded: true });
  await time.pass(1000);
  const again = await cached.read(150);
  source.last().answer('b');
  await again.release(50);

  expect(await cached.read(150)).toMatchObject({ value: 'b', degraded: false });
});

it('warns when a source begins to fail and tells when it recovers, once each', async () => {
  const { time, log, hold, failOnce } = setUp();
  const error = new UpstreamError('consul', 'refused');

  await failOnce(error);
  await time.pass(1000);
  await failOnce(error);
  await time.pass(1000);
  await hold('a');
  await time.pass(10_001);
  await hold('b');

  expect(log.lines).toMatchObject([
    { level: 'warning', event: 'source_failed', fields: { source: 'consul', failure: 'refused' }, error },
    { level: 'info', event: 'source_recovered', fields: { source: 'consul' } },
  ]);
});

it('calls a failure of no known kind unexpected', async () => {
  const { log, failOnce } = setUp();

  await failOnce(new TypeError('oops'));

  expect(log.lines).toMatchObject([{ fields: { failure: 'unexpected' } }]);
});

it('survives a fetch that throws before it returns a promise', async () => {
  const { cached } = setUp({
    ask: () => {
      throw new TypeError('oops');
    },
  });

  expect(await cached.read(150)).toMatchObject({ value: undefined, degraded: true });
});

it('takes a value from the future for too old: the clock was set back', async () => {
  const { time, source, cached, hold } = setUp();
  await hold('a');
  time.setClock(NOW_MS - 3_600_000);

  const reading = cached.read(150);

  expect(await isPending(reading)).toBe(true);
  source.last().answer('b');
  expect(await reading).toMatchObject({ value: 'b', degraded: false });
});

it('is not kept from a failed source for an hour by a clock that was set back', async () => {
  const { time, source, cached, failOnce } = setUp();
  await failOnce();
  time.setClock(NOW_MS - 3_600_000);

  const reading = cached.read(150);

  expect(source.calls.length).toBe(2);
  source.last().answer('a');
  expect((await reading).value).toBe('a');
});

it('makes the next reader wait once the value has expired, whatever the backoff', async () => {
  const { time, source, cached, hold, failOnce } = setUp();
  await hold('a');
  await time.pass(10_001);
  await failOnce();

  cached.expire();
  const reading = cached.read(150);

  expect(await isPending(reading)).toBe(true);
  source.last().answer('b');
  expect(await reading).toMatchObject({ value: 'b', degraded: false });
});

it('can expire with nothing in hand', async () => {
  const { source, cached } = setUp();

  cached.expire();
  const reading = cached.read(150);
  source.last().answer('a');

  expect((await reading).value).toBe('a');
});

it('keeps no reader longer than its time when a fetch ignores its signal, and asks anew', async () => {
  const { time, source, cached } = setUp({ ignoresSignal: true });

  const first = cached.read(150);
  await time.pass(150);
  expect(await first).toMatchObject({ value: undefined });
  expect(source.last().signal.aborted).toBe(true);
  const second = cached.read(150);
  expect(source.calls.length).toBe(2);
  source.last().answer('b');

  expect((await second).value).toBe('b');
});

it('while nothing is held, readers of a source that is needed sit out its short rest and ask again', async () => {
  const { time, source, cached, failOnce } = setUp({ firstTimeoutMs: 220 });
  expect(await failOnce()).toMatchObject({ value: undefined });

  const readings = [cached.read(225), cached.read(225)];
  await time.pass(99);
  expect(source.calls.length).toBe(1);
  await time.pass(1);
  expect(source.calls.length).toBe(2);
  source.last().answer('a');

  expect(await Promise.all(readings)).toMatchObject([{ value: 'a' }, { value: 'a' }]);
});

it('ends that wait when the time of its reader is over', async () => {
  const { time, source, cached, failOnce } = setUp({ firstTimeoutMs: 220 });
  await failOnce();

  const short = cached.read(119);
  expect(await isPending(short)).toBe(false);
  const reading = cached.read(150);
  await time.pass(149);
  expect(await isPending(reading)).toBe(true);
  await time.pass(1);

  expect(await reading).toMatchObject({ value: undefined, degraded: true });
  expect(source.calls.length).toBe(2);
  // It was cut off, which says nothing of the source: the next reader has its whole time.
  void cached.read(225);
  expect(source.calls.length).toBe(3);
});

it('goes by a value of another origin until it has one of its own, and asks beside as it does for any', async () => {
  const { time, source, cached, failOnce } = setUp({ firstTimeoutMs: 220 });
  await failOnce();
  cached.seed('saved', NOW_MS - 20_000);

  await time.pass(100);
  const reading = cached.read(225);
  source.last().fail();
  expect(await reading).toMatchObject({ value: 'saved', degraded: true });
  // From here on a failure counts as it does for a value of its own: nobody waits.
  expect(await cached.read(225)).toMatchObject({ value: 'saved', degraded: true });
  await time.pass(1000);
  const again = cached.read(225);
  source.last().answer('own');
  expect(await again).toMatchObject({ value: 'own', degraded: false });
  cached.seed('saved', NOW_MS);

  expect(await cached.read(225)).toMatchObject({ value: 'own' });
});

it('uses a value of another origin no longer than its own', async () => {
  const { cached, failOnce } = setUp();
  await failOnce();
  cached.seed('saved', NOW_MS - 300_001);

  expect(await cached.read(150)).toMatchObject({ value: undefined });
});
