import { expect, it } from 'vitest';
import { createRecentTraffic } from '../../lib/relay/recent-traffic.ts';

function setUp() {
  let nowMs = 1_000_000_000;
  const traffic = createRecentTraffic(() => nowMs);
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { traffic, pass };
}

it('has no latency while nothing came', () => {
  expect(setUp().traffic.read()).toEqual({ rates: { requests_per_s: 0, failures_per_s: 0 } });
});

it('gives rates over the last ten whole seconds, and forgets what came before', () => {
  const { traffic, pass } = setUp();
  for (let second = 0; second < 20; second += 1) {
    for (let i = 0; i < second; i += 1) traffic.add(i > 0, 5);
    pass(1000);
  }

  // 10 to 19 of them in those seconds.
  expect(traffic.read().rates).toEqual({ requests_per_s: 14.5, failures_per_s: 1 });

  traffic.add(true, 5);
  expect(traffic.read().rates.requests_per_s).toBe(14.5); // of this second more may come
  pass(10_999);
  expect(traffic.read().rates.requests_per_s).toBe(0.1);
  pass(1);
  expect(traffic.read().rates.requests_per_s).toBe(0);
});

it('gives percentiles over the last 60 s, to 5 %', () => {
  const { traffic, pass } = setUp();
  for (let ms = 1; ms <= 1000; ms += 1) {
    traffic.add(true, ms);
    pass(50);
  }

  const { p50 = 0, p95 = 0, p99 = 0 } = traffic.read().latency_ms ?? {};
  expect(Math.abs(p50 / 500 - 1)).toBeLessThan(0.05);
  expect(Math.abs(p95 / 950 - 1)).toBeLessThan(0.05);
  expect(Math.abs(p99 / 990 - 1)).toBeLessThan(0.05);

  pass(30_000); // what came in the first 20 s is over
  expect(traffic.read().latency_ms?.p50).toBeGreaterThan(650);
  pass(31_000);
  expect(traffic.read()).not.toHaveProperty('latency_ms');
});

it.each([
  [0, 0.1],
  [0.01, 0.1],
  [10_000, 10_000],
  [99_999, 14_400],
])('takes %d ms for about %d', (ms, shown) => {
  const { traffic } = setUp();
  traffic.add(true, ms);

  const { p50 = 0 } = traffic.read().latency_ms ?? {};
  expect(Math.abs(p50 / shown - 1)).toBeLessThan(0.06);
});

it('is not confused by a clock that jumps', () => {
  const { traffic, pass } = setUp();
  traffic.add(false, 5);
  pass(-500_000);
  expect(traffic.read()).toEqual({ rates: { requests_per_s: 0, failures_per_s: 0 } });
  traffic.add(true, 7);
  pass(1000);
  expect(traffic.read().rates).toEqual({ requests_per_s: 0.1, failures_per_s: 0 });
});

it('begins each second anew, also where it keeps it in the place of one long ago', () => {
  const { traffic, pass } = setUp();
  for (let i = 0; i < 10; i += 1) traffic.add(false, 1000);
  pass(61_000);
  traffic.add(true, 10);
  pass(1000);

  const { rates, latency_ms } = traffic.read();
  expect(rates).toEqual({ requests_per_s: 0.1, failures_per_s: 0 });
  expect(latency_ms?.p99).toBeLessThan(11);
});
