import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { createEnvironments } from '../../lib/relay/environments.ts';
import type { Post } from '../../lib/relay/forward.ts';
import { keepWarm } from '../../lib/relay/keep-warm.ts';
import { fakeLog } from './fake-message.ts';

const MINUTE = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Options {
  readonly count: number;
  readonly random?: number;
  readonly post?: Post;
}

/** Posts take 60 ms, as long as an environment is held and a little more. */
const hold: Post = async () => {
  await new Promise((resolve) => setTimeout(resolve, 60));
  return [{ success: true }];
};

function setUp({ count, random = 0, post = hold }: Options) {
  const startedAtMs = Date.now();
  /** When each call was made, ms from the start. */
  const calledAtMs: number[] = [];
  const posted: unknown[] = [];
  const environments = createEnvironments(Date.now);
  const { log, events } = fakeLog();
  const kept = keepWarm({
    count,
    post: (items, signal) => {
      calledAtMs.push(Date.now() - startedAtMs);
      posted.push(items);
      return post(items, signal);
    },
    environments,
    clock: Date.now,
    random: () => random,
    log,
  });
  /** A call of the traffic's own that takes no time. */
  async function traffic(beside: number): Promise<void> {
    for (const call of Array.from({ length: beside }, environments.take)) call.answered();
  }
  return { calledAtMs, posted, environments, events, traffic, ...kept };
}

it('calls as many environments at once as it is told to, at the start', () => {
  const { calledAtMs, posted, made } = setUp({ count: 3 });

  expect(calledAtMs).toEqual([0, 0, 0]);
  expect(posted[0]).toEqual([{ op: 'warm', request: { hold_ms: 50 } }]);
  expect(made()).toBe(3);
});

it('calls nobody when it is told to keep none', async () => {
  const { calledAtMs } = setUp({ count: 0 });

  await vi.advanceTimersByTimeAsync(20 * MINUTE);

  expect(calledAtMs).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it.each([
  [0, 4 * MINUTE],
  [0.5, 3.5 * MINUTE],
  [1, 3 * MINUTE],
])('calls again when they were idle for 3 to 4 minutes: with %f', async (random, idleMs) => {
  const { calledAtMs } = setUp({ count: 1, random });

  await vi.advanceTimersByTimeAsync(9 * MINUTE);

  expect(calledAtMs.slice(0, 3)).toEqual([0, 60 + idleMs, 2 * (60 + idleMs)]);
});

it('calls nobody while the traffic keeps as many warm', async () => {
  const { calledAtMs, traffic } = setUp({ count: 2 });

  for (let i = 0; i < 10; i += 1) {
    await vi.advanceTimersByTimeAsync(MINUTE);
    await traffic(2);
  }
  expect(calledAtMs).toEqual([0, 0]);
  await vi.advanceTimersByTimeAsync(4 * MINUTE);

  expect(calledAtMs).toEqual([0, 0, 14 * MINUTE, 14 * MINUTE]);
});

it('calls all of them at once where one is missing: fewer would find the one that is warm', async () => {
  const { calledAtMs, traffic } = setUp({ count: 2 });

  for (let i = 0; i < 5; i += 1) {
    await vi.advanceTimersByTimeAsync(MINUTE);
    await traffic(1);
  }

  expect(calledAtMs).toEqual([0, 0, 4 * MINUTE + 60, 4 * MINUTE + 60]);
});

it('lets the calls that keep environments warm tell of those environments', async () => {
  const { environments } = setUp({ count: 2 });

  await vi.advanceTimersByTimeAsync(60);
  environments.take();

  expect(environments.hasIdle()).toBe(true);
});

it('says so once a minute when the function cannot be had, and calls it as often', async () => {
  const failing: Post = () => Promise.reject(new UpstreamError('allocator', 'connect'));
  const { calledAtMs, events, environments } = setUp({ count: 2, post: failing });

  await vi.advanceTimersByTimeAsync(3 * MINUTE - 1);

  expect(calledAtMs).toEqual([0, 0, MINUTE, MINUTE, 2 * MINUTE, 2 * MINUTE]);
  expect(events).toEqual(['keep_warm_failed', 'keep_warm_failed', 'keep_warm_failed']);
  expect(environments.anyWarm()).toBe(false);
});

it('stops for good: no timer, no call under way, and nothing said about that', async () => {
  const signals: AbortSignal[] = [];
  const hanging: Post = (_items, signal) => {
    signals.push(signal);
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new UpstreamError('allocator', 'timeout')));
    });
  };
  const { stop, events, calledAtMs } = setUp({ count: 1, post: hanging });

  stop();
  await vi.advanceTimersByTimeAsync(10 * MINUTE);

  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  expect(calledAtMs).toEqual([0]);
  expect(events).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it('stops between two rounds', async () => {
  const { stop, calledAtMs } = setUp({ count: 1 });
  await vi.advanceTimersByTimeAsync(2 * MINUTE);

  stop();
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(10 * MINUTE);

  expect(calledAtMs).toEqual([0]);
});

it('says how many calls of how many have failed, and why the first has', async () => {
  const failures = [new UpstreamError('allocator', 'connect'), new UpstreamError('allocator', 'reset')];
  const [first] = failures;
  const warning = vi.fn();
  const keep = (post: Post) =>
    keepWarm({
      ...{ count: 3, post, environments: createEnvironments(Date.now), clock: Date.now, random: () => 0 },
      log: { debug: vi.fn(), info: vi.fn(), warning, error: vi.fn() },
    });

  keep(async () => {
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    return [{ success: true }];
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(warning.mock.calls).toEqual([['keep_warm_failed', { failures: 2, calls: 3 }, first]]);

  keep(async () => [{ success: true }]);
  await vi.advanceTimersByTimeAsync(0);
  expect(warning).toHaveBeenCalledTimes(1);
});
