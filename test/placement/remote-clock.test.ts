import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRemoteClock } from '../../lib/placement/remote-clock.ts';

/** A local clock, a remote one `aheadS` ahead of it, and answers that take a while. */
function setUp(aheadS: number) {
  let nowMs = 1_000_000;
  const remote = createRemoteClock(() => nowMs);
  return {
    remote,
    now: () => nowMs,
    /** An answer that is under way for `ms`. */
    answer(ms: number) {
      const remoteS = nowMs / 1000 + aheadS;
      nowMs += ms;
      remote.observe(remoteS);
    },
    shift(seconds: number) {
      nowMs += seconds * 1000;
    },
  };
}

it('knows nothing before the first answer', () => {
  expect(setUp(0).remote.atLocal(1)).toBeUndefined();
});

it.each([0, 3600, -7.5])('tells the time of a clock that is %d s ahead', (aheadS) => {
  const { remote, answer, now } = setUp(aheadS);

  answer(0);

  expect(remote.atLocal(now() + 500)).toBeCloseTo(now() / 1000 + 0.5 + aheadS, 6);
});

it('goes by the answer that took least, not by the last', () => {
  const { remote, answer, now } = setUp(10);

  for (const ms of [80, 2, 100]) answer(ms);

  expect(remote.atLocal(now())).toBeCloseTo(now() / 1000 + 10 - 0.002, 6);
});

it('forgets what it saw more than 16 answers ago', () => {
  const { remote, answer, now } = setUp(10);
  answer(0);
  for (let i = 0; i < 15; i += 1) answer(100);
  expect(remote.atLocal(now())).toBeCloseTo(now() / 1000 + 10, 6);

  answer(100);

  expect(remote.atLocal(now())).toBeCloseTo(now() / 1000 + 9.9, 6);
});

it('sees at once that our own clock was set back', () => {
  const { remote, answer, now, shift } = setUp(0);
  answer(0);
  shift(-3600);

  remote.observe(now() / 1000 + 3600);

  expect(remote.atLocal(now())).toBeCloseTo(now() / 1000 + 3600, 6);
});

it('is never late, however long answers take', () => {
  const delays = fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(delays, fc.integer({ min: -100, max: 100 }), (delaysMs, aheadS) => {
      const { remote, answer, now } = setUp(aheadS);
      for (const ms of delaysMs) answer(ms);
      expect(remote.atLocal(now())!).toBeLessThanOrEqual(now() / 1000 + aheadS + 1e-6);
    }),
  );
});
