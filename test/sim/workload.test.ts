import { expect, it } from 'vitest';
import { createRandomPolicy } from './policies/blind.ts';
import { DEFAULT_TIMING, runScenario } from './run-scenario.ts';
import { findScenario } from './scenarios.ts';
import { arrivalRate } from './workload.ts';
import { createWorld } from './world.ts';

it.each(['n64', 'util40', 'mixed-n64', 'spike', 'ram', 'ram-baseline'])(
  'keeps the fleet of %s as busy as it says',
  async (name) => {
    const scenario = findScenario(name)!;
    const seeds = [1, 2, 3, 4];

    const runs = await Promise.all(
      seeds.map((seed) => runScenario(scenario, seed, createRandomPolicy, { timing: DEFAULT_TIMING })),
    );

    // In proportion to its size each instance of a mixed fleet would be as busy; at random the small ones are busier.
    const factor = scenario.mixed ? ((2 + 4 + 8) / 3) * ((1 / 2 + 1 / 4 + 1 / 8) / 3) : 1;
    const mean = runs.reduce((sum, { utilisation }) => sum + utilisation, 0) / runs.length;
    expect(mean / (scenario.utilisation * factor)).toBeGreaterThan(0.93);
    expect(mean / (scenario.utilisation * factor)).toBeLessThan(1.07);
  },
);

it('lets about 13 games a second come to 256 instances', () => {
  const scenario = findScenario('n256')!;

  const rate = arrivalRate(scenario, createWorld({ ...scenario, warmUpS: 1, measuredS: 1 }, 1).sizes);

  expect(rate).toBeCloseTo(13.5, 0);
});

it('gives the same games for the same seed, and others for another', () => {
  const scenario = findScenario('levels')!;

  const [one, again, other] = [1, 1, 2].map((seed) => createWorld(scenario, seed));

  expect(again?.games).toEqual(one?.games);
  expect(again?.background).toEqual(one?.background);
  expect(other?.games.cpu.slice(0, 9)).not.toEqual(one?.games.cpu.slice(0, 9));
});

it('brings no game in the idle hour, and the burst within a minute after it', () => {
  const { games } = createWorld(findScenario('idle-burst')!, 1);
  const between = (from: number, to: number) => games.firstOf[to]! - games.firstOf[from]!;

  expect(between(1800, 5400)).toBe(0);
  expect(between(5400, 5460)).toBeGreaterThan(900);
  expect(between(5460, 5520)).toBeLessThan(200);
});
