import { expect, it } from 'vitest';
import { createSigningClock } from '../../../lib/adapters/iam/signing-clock.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');

function httpDate(ms: number) {
  return new Date(ms).toUTCString();
}

it.each([10, -10, 4.5, -4.5])('is set by %d min where AWS says so', (minutes) => {
  const byMs = minutes * 60_000;
  const clock = createSigningClock(() => NOW);

  expect(clock.correct(httpDate(NOW + byMs))).toBe(byMs);

  expect(clock.nowMs()).toBe(NOW + byMs);
});

it.each([
  ['a date close to ours', httpDate(NOW + 3.5 * 60_000)],
  ['no date', undefined],
  ['what is no date', 'canary'],
])('is left alone by %s', (_name, date) => {
  const clock = createSigningClock(() => NOW);

  expect(clock.correct(date)).toBeUndefined();

  expect(clock.nowMs()).toBe(NOW);
});

it('is set back where the clock of this machine has been set right meanwhile', () => {
  const time = { nowMs: NOW - 600_000 };
  const clock = createSigningClock(() => time.nowMs);
  clock.correct(httpDate(NOW));
  expect(clock.nowMs()).toBe(NOW);

  time.nowMs = NOW + 1000;
  expect(clock.correct(httpDate(NOW + 1000))).toBe(-600_000);

  expect(clock.nowMs()).toBe(NOW + 1000);
});
