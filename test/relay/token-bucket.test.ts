import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createTokenBucket } from '../../lib/relay/token-bucket.ts';

function setUp(perS: number, burst: number) {
  const time = { nowMs: 5000 };
  const take = createTokenBucket({ perS, burst }, () => time.nowMs);
  const takeMany = (count: number) => Array.from({ length: count }, take).filter(Boolean).length;
  return { time, takeMany };
}

it('lets a burst through, and then what the rate allows', () => {
  const { time, takeMany } = setUp(10, 3);

  expect(takeMany(10)).toBe(3);
  time.nowMs += 99;
  expect(takeMany(10)).toBe(0);
  time.nowMs += 1;
  expect(takeMany(10)).toBe(1);
  time.nowMs += 250;
  expect(takeMany(10)).toBe(2);
});

it('saves up no more than a burst', () => {
  const { time, takeMany } = setUp(10, 3);
  takeMany(3);

  time.nowMs += 3_600_000;

  expect(takeMany(10)).toBe(3);
});

it('lets nothing more through where the clock is set back', () => {
  const { time, takeMany } = setUp(10, 1);
  takeMany(1);

  time.nowMs -= 10_000;
  expect(takeMany(1)).toBe(0);
  time.nowMs += 100;
  expect(takeMany(5)).toBe(1);
});

it('lets through what the rate and the burst allow, and nothing more, whenever they come', () => {
  const Arrivals = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 400 }), count: fc.nat(20) }));
  fc.assert(
    fc.property(
      Arrivals,
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 50 }),
      (arrivals, perS, burst) => {
        const { time, takeMany } = setUp(perS, burst);
        const begunAtMs = time.nowMs;
        let taken = 0;
        for (const { afterMs, count } of arrivals) {
          time.nowMs += afterMs;
          taken += takeMany(count);
          expect(taken).toBeLessThanOrEqual(burst + ((time.nowMs - begunAtMs) * perS) / 1000 + 1e-6);
        }
      },
    ),
  );
});
