import { expect, it } from 'vitest';
import { createFleet } from './fleet.ts';
import { createPrometheus, windowInUse } from './prometheus.ts';
import { findScenario, type Scenario } from './scenarios.ts';
import { createWorld, type World } from './world.ts';

const TIMING = { scrapeIntervalS: 15, cpuWindowS: 30 };

/** A fleet without background on which no game starts by itself. */
function quiet(overrides: Partial<Scenario> = {}) {
  const scenario: Scenario = { ...findScenario('n4')!, warmUpS: 300, measuredS: 300, ...overrides };
  const drawn = createWorld(scenario, 1);
  const world: World = { ...drawn, background: drawn.background.map(() => 0) };
  const fleet = createFleet(world);
  const prometheus = createPrometheus(world, fleet, TIMING);
  let tick = 0;
  return {
    world,
    fleet,
    prometheus,
    /** Lives until that second has been scraped; `start` is called before it passes. */
    until(end: number, each: (tick: number) => void = () => undefined) {
      for (; tick < end; tick += 1) {
        fleet.begin(tick);
        prometheus.scrape(tick);
        each(tick);
        fleet.pass(tick);
      }
    },
  };
}

it('has no sample of an instance before its second scrape', () => {
  const { prometheus, until } = quiet();
  const sampledAt: number[] = [];

  until(60, (tick) => {
    for (const [i, sampled] of prometheus.answer().sampled.entries()) if (sampled) sampledAt[i] ??= tick;
  });

  expect(sampledAt).toHaveLength(4);
  for (const at of sampledAt) {
    expect(at).toBeGreaterThanOrEqual(15);
    expect(at).toBeLessThan(30);
  }
});

it('shows a part of a game that is younger than the window, and then all of it', () => {
  const { fleet, prometheus, until, world } = quiet();
  const cpu = world.games.cpu[0]!;
  world.games.endTick[0] = 10_000;
  const shown: [ageS: number, share: number][] = [];

  until(200, (tick) => {
    if (tick === 100) fleet.start(0, 0, tick);
    const { at, cpu: measured } = prometheus.answer();
    if (tick >= 100 && at[0] === tick) shown.push([tick - 100, measured[0]! / cpu]);
  });

  expect(shown.length).toBeGreaterThanOrEqual(6);
  for (const [ageS, share] of shown) {
    // The window ends up to 10 s before the scrape, and half of the ramp is missing.
    expect(share).toBeGreaterThanOrEqual(Math.min(1, Math.max(0, (ageS - 10 - 2.5) / 30)) - 1e-9);
    expect(share).toBeLessThanOrEqual(Math.min(1, ageS / 30) + 1e-9);
  }
  expect(shown.at(-1)?.[1]).toBeCloseTo(1);
});

it('measures no more CPU than there is', () => {
  const { fleet, prometheus, until, world } = quiet();
  world.games.cpu[0] = 100;
  world.games.endTick[0] = 10_000;

  until(200, (tick) => {
    if (tick === 60) fleet.start(0, 0, tick);
  });

  expect(fleet.cpu[0]).toBeCloseTo(100);
  expect(prometheus.answer().cpu[0]).toBeCloseTo(4);
});

it('gives the old answer while it is frozen, and the present one afterwards', () => {
  const { prometheus, until } = quiet({ frozen: { firstAtS: 100, forS: 100 } });
  const newest: number[] = [];

  until(260, (tick) => {
    newest[tick] = Math.max(...prometheus.answer().at);
  });

  expect(newest[199]).toBe(newest[100]);
  expect(newest[199]).toBeLessThanOrEqual(100);
  expect(newest[200]).toBeGreaterThan(185);
});

it('loses an instance that dies with its next scrape, and needs two more when it is back', () => {
  const { fleet, prometheus, until, world } = quiet({ crash: { firstAtS: 100, forS: 90 } });
  const dead = world.crashes.get(100)!;
  const sampled: number[] = [];
  const listed: boolean[] = [];

  until(260, (tick) => {
    sampled[tick] = prometheus.answer().sampled[dead]!;
    listed[tick] = fleet.isListed(dead);
  });

  expect([sampled[99], sampled[115], sampled[189 + 15], sampled[189 + 31]]).toEqual([1, 0, 0, 1]);
  expect([listed[129], listed[130], listed[189], listed[190]]).toEqual([true, false, false, true]);
});

it.each([
  [{ scrapeIntervalS: 15, cpuWindowS: 30 }, 30],
  [{ scrapeIntervalS: 5, cpuWindowS: 20 }, 20],
  [{ scrapeIntervalS: 20, cpuWindowS: 30 }, 60],
  [{ scrapeIntervalS: 45, cpuWindowS: 30 }, undefined],
])('reads %o over %s s: a rate takes two samples', (timing, windowS) => {
  expect(windowInUse(timing)).toBe(windowS);
});
