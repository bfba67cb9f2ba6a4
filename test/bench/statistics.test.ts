import { expect, it } from 'vitest';
import { median, ratios, shuffled, slope, spreadOf } from './statistics.ts';

it('takes the middle value, and the mean of two middle ones', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, Number.NaN]);
});

it('gives a spread with the median', () => {
  expect(spreadOf([2, 1, 4])).toEqual({ median: 2, min: 1, max: 4 });
});

it('divides round by round and leaves out rounds with only one side', () => {
  expect(ratios([2, 6, undefined, 8], [1, 2, 3])).toEqual([2, 3]);
  expect(ratios([1], [0])).toEqual([]);
});

it('finds the slope of a line, and none in a single point', () => {
  expect(
    slope([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toBeCloseTo(2);
  expect(slope([[1, 5]])).toBe(0);
});

it('keeps every item when it shuffles', () => {
  expect(shuffled([1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4]);
});
