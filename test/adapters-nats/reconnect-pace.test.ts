import { expect, it } from 'vitest';
import { createReconnectPace } from '../../lib/adapters/nats/reconnect-pace.ts';

function setUp(random: number, tls = false) {
  const time = { nowMs: 0 };
  return {
    time,
    pace: createReconnectPace(
      () => time.nowMs,
      () => random,
      tls,
    ),
  };
}

it.each([
  [0, false, 20, 250],
  [0.5, false, 30, 375],
  [0.5, true, 30, 625],
])('is quick at first and then at leisure: draw %d, TLS %s', (random, tls, quickMs, slowMs) => {
  const { time, pace } = setUp(random, tls);

  expect(pace.delayMs()).toBe(quickMs);
  time.nowMs = 1999;
  expect(pace.delayMs()).toBe(quickMs);
  time.nowMs = 2000;
  expect(pace.delayMs()).toBe(slowMs);
});

it('is quick again in the next outage, however long the connection lasted', () => {
  const { time, pace } = setUp(0);
  pace.delayMs();
  time.nowMs = 60_000;
  expect(pace.delayMs()).toBe(250);

  pace.connected();
  time.nowMs = 60_100;

  expect(pace.delayMs()).toBe(20);
});
