import type { Clock } from '../app/ports.ts';

/**
 * Passes the first of its calls on at once and then at most one every `everyMs`, with the number of calls since the
 * last that was passed on: what goes wrong a thousand times a second must not fill a disk.
 */
export function limitRate<T>(clock: Clock, everyMs: number, pass: (calls: number, last: T) => void): (last: T) => void {
  let calls = 0;
  let passedAtMs = Number.NEGATIVE_INFINITY;
  return (last) => {
    calls += 1;
    const nowMs = clock();
    if (nowMs - passedAtMs < everyMs) return;
    passedAtMs = nowMs;
    const passed = calls;
    calls = 0;
    pass(passed, last);
  };
}
