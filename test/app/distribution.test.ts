import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createDistribution } from '../../lib/app/distribution.ts';

it('counts a value with its range, whose upper bound belongs to it', () => {
  const { add, spread } = createDistribution([1, 5, 10]);

  for (const value of [0, 1, 1.01, 5, 9, 10, 10.5, 1e9]) add(value);

  expect([...(spread.counts as Float64Array)]).toEqual([2, 2, 2, 2]);
  expect(spread).toMatchObject({ count: 8, least: 0, most: 1e9 });
});

it('puts every value where a search from the first bound on would', () => {
  const Bounds = fc.uniqueArray(fc.integer({ min: 0, max: 1000 }), { maxLength: 80 });
  fc.assert(
    fc.property(Bounds, fc.array(fc.double({ min: 0, max: 1100, noNaN: true })), (unsorted, values) => {
      const bounds = unsorted.toSorted((a, b) => a - b);
      const { add, spread } = createDistribution(bounds);
      for (const value of values) add(value);

      const expected = Array(bounds.length + 1).fill(0);
      for (const value of values) {
        const index = bounds.findIndex((bound) => value <= bound);
        expected[index === -1 ? bounds.length : index] += 1;
      }
      expect(Array.from(spread.counts)).toEqual(expected);
      expect(spread.sum).toBeCloseTo(values.reduce((sum, value) => sum + value, 0));
    }),
  );
});
