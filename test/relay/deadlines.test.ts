import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createDeadlines } from '../../lib/relay/deadlines.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('tells whoever waits, and then fires the signal', async () => {
  const deadlines = createDeadlines(Date.now);
  const seen: boolean[] = [];
  const { signal } = deadlines.at(Date.now() + 100, () => seen.push(signal.aborted));

  await vi.advanceTimersByTimeAsync(99);
  expect(seen).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);

  expect(seen).toEqual([false]);
  expect(signal.aborted).toBe(true);
});

it('shares a timer and a signal between deadlines in the same millisecond, and only those', () => {
  const deadlines = createDeadlines(Date.now);
  const nowMs = Date.now();

  const [a, b, c] = [100.2, 100.9, 101].map((inMs) => deadlines.at(nowMs + inMs, () => undefined));

  expect(a?.signal).toBe(b?.signal);
  expect(c?.signal).not.toBe(a?.signal);
  expect(vi.getTimerCount()).toBe(2);
});

it('forgets one that is cancelled and keeps its neighbour', async () => {
  const deadlines = createDeadlines(Date.now);
  const reached: string[] = [];
  const atMs = Date.now() + 100;
  const a = deadlines.at(atMs, () => reached.push('a'));
  deadlines.at(atMs, () => reached.push('b'));

  a.cancel();
  a.cancel();
  await vi.advanceTimersByTimeAsync(100);

  expect(reached).toEqual(['b']);
});

it('keeps no timer for nobody, and starts afresh for who comes later to the same millisecond', async () => {
  const deadlines = createDeadlines(Date.now);
  const reached: string[] = [];
  const atMs = Date.now() + 100;
  const first = deadlines.at(atMs, () => reached.push('first'));
  first.cancel();
  expect(vi.getTimerCount()).toBe(0);

  const second = deadlines.at(atMs, () => reached.push('second'));
  first.cancel(); // again, which does not concern the second
  await vi.advanceTimersByTimeAsync(100);

  expect(reached).toEqual(['second']);
  expect(second.signal.aborted).toBe(true);
  second.cancel();
});

it('is there at once for a time that has passed', async () => {
  const reached: string[] = [];
  createDeadlines(Date.now).at(Date.now() - 5, () => reached.push('late'));

  await vi.advanceTimersByTimeAsync(1);

  expect(reached).toEqual(['late']);
});

it('tells also whoever comes in the very millisecond whose deadline has just been reached', async () => {
  const deadlines = createDeadlines(Date.now);
  const atMs = Date.now() + 100;
  const seen: string[] = [];
  deadlines.at(atMs, () => seen.push('first'));
  await vi.advanceTimersByTimeAsync(100);

  deadlines.at(atMs, () => seen.push('second'));
  await vi.advanceTimersByTimeAsync(1);

  expect(seen).toEqual(['first', 'second']);
});
