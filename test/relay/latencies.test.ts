import { expect, it } from 'vitest';
import { createLatencies } from '../../lib/relay/latencies.ts';

function after(values: readonly number[]) {
  const latencies = createLatencies();
  for (const ms of values) latencies.add(ms);
  return latencies.slowMs();
}
const times = (count: number, ms: number) => Array<number>(count).fill(ms);

it.each([
  ['nothing while fewer than 50 are known', times(49, 5), undefined],
  ['what all of them took', times(50, 5), 5],
  ['none that only one of 50 exceeds', [...times(49, 5), 90], 5],
  ['the second slowest of 50', [...times(48, 5), 40, 90], 40],
  ['and in no order', [90, ...times(20, 5), 40, ...times(28, 5)], 40],
  ['the last 256 only: slow ones are forgotten', [...times(300, 90), ...times(272, 5)], 5],
  ['the last 256 only: quick ones are forgotten', [...times(300, 5), ...times(272, 90)], 90],
])('calls slow %s', (_name, values, expected) => {
  expect(after(values)).toBe(expected);
});

it('notices within 16 calls that they take longer', () => {
  expect(after([...times(256, 5), ...times(22, 80)])).toBe(80);
});
