import { expect, it } from 'vitest';
import type { Allocate } from '../../lib/api/allocate.ts';
import { NO_METER } from '../../lib/app/meter.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { createEnvironments } from '../../lib/relay/environments.ts';
import { watchCalls } from '../../lib/relay/watch-calls.ts';
import { ITEMS } from './held-calls.ts';

/** Calls that end when `end` is called, with the clock set on. */
function setUp() {
  let nowMs = 1_000_000;
  const clock = () => nowMs;
  let settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  const allocate: Allocate = (items) =>
    new Promise((resolve, reject) => {
      settle = { resolve: () => resolve(items.map(() => ({ success: true, instance_id: 'i' }))), reject };
    });
  const environments = createEnvironments(clock);
  const took: [stage: string, ms: number][] = [];
  const meter = { ...NO_METER, stage: (stage: string, ms: number) => void took.push([stage, ms]) };
  const calls = watchCalls(allocate, environments, clock, meter);

  /** One call that takes `ms`. */
  async function call(ms: number, end: 'answered' | 'failed' | 'stopped' = 'answered'): Promise<void> {
    const aborter = new AbortController();
    const answer = calls.call(ITEMS, aborter.signal);
    nowMs += ms;
    if (end === 'stopped') aborter.abort();
    if (end === 'answered') settle?.resolve();
    else settle?.reject(new UpstreamError('allocator', end === 'stopped' ? 'timeout' : 'reset'));
    await answer.catch(() => undefined);
  }
  async function callOften(count: number, ms: number, end?: 'failed' | 'stopped'): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      await call(ms, end);
      if (end !== undefined) await call(1); // an environment is warm again
    }
  }
  return { calls, environments, took, call, callOften, pass: (ms: number) => (nowMs += ms) };
}

it.each([
  [3, 25],
  [25, 25],
  [60, 60],
  [150, 150],
  [400, 150],
])('where calls take %i ms, calls one slow after %i', async (tookMs, expected) => {
  const { calls, callOften } = setUp();

  await callOften(51, tookMs);

  expect(calls.slowMs()).toBe(expected);
});

it('waits 150 ms while little is known', async () => {
  const { calls, callOften } = setUp();

  await callOften(50, 3); // the first one was cold

  expect(calls.slowMs()).toBe(150);
});

it('waits 150 ms when a cold start is likely: no answer for 60 s', async () => {
  const { calls, callOften, pass } = setUp();
  await callOften(51, 3);

  pass(59_999);
  expect(calls.slowMs()).toBe(25);
  pass(1);

  expect(calls.slowMs()).toBe(150);
});

it('learns nothing from a call that may have been a cold start', async () => {
  const { calls, call, pass } = setUp();

  for (let i = 0; i < 100; i += 1) {
    await call(100);
    pass(60_000);
  }
  await call(1);

  expect(calls.slowMs()).toBe(150);
});

it('remembers a call that it was told to stop as one that took at least as long', async () => {
  const { calls, callOften } = setUp();
  await callOften(100, 3);

  await callOften(16, 80, 'stopped');

  expect(calls.slowMs()).toBe(80);
});

it('learns nothing from how long a failure took', async () => {
  const { calls, callOften } = setUp();
  await callOften(100, 3);

  await callOften(50, 80, 'failed');

  expect(calls.slowMs()).toBe(25);
});

it.each(['failed', 'stopped'] as const)('does not count on an environment whose call %s', async (end) => {
  const { calls, environments, call } = setUp();
  await call(3);
  expect(environments.hasIdle()).toBe(true);

  await call(3, end);

  expect(environments.hasIdle()).toBe(false);
  expect(calls.made()).toBe(2);
});

it('tells how long each call took, also one that failed', async () => {
  const { took, call } = setUp();

  await call(7);
  await call(450, 'stopped');

  expect(took).toEqual([
    ['call', 7],
    ['call', 450],
  ]);
});

it('takes an environment whose call has failed for gone, and no longer for occupied', async () => {
  const { environments, call } = setUp();

  await call(1, 'failed');
  await call(1);

  expect(environments.inUseSinceMs(1)).not.toBe(Number.NEGATIVE_INFINITY);
  expect(environments.inUseSinceMs(2)).toBe(Number.NEGATIVE_INFINITY);
});
