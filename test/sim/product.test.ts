import { afterAll, beforeAll, expect, it } from 'vitest';
import { SIMPLE_POLICIES } from './policies/policies.ts';
import { createProduct } from './policies/product.ts';
import { type RedisUnderTest, startRedisUnderTest } from './redis-placement.ts';
import { scoreOf } from './regret.ts';
import { DEFAULT_TIMING, runScenario } from './run-scenario.ts';
import type { Settings } from './run-task.ts';
import { findScenario, type Scenario } from './scenarios.ts';

const SETTINGS: Settings = { timing: DEFAULT_TIMING, hints: false, endReports: false, costFactor: 1 };

let redis: RedisUnderTest;
beforeAll(async () => {
  redis = await startRedisUnderTest();
});
afterAll(() => redis.stop());

/** Twenty minutes of a scenario, of which the last ten count. */
function short(name: string): Scenario {
  return { ...findScenario(name)!, warmUpS: 600, measuredS: 600 };
}

async function regretOf(scenario: Scenario, policy: string, settings = SETTINGS): Promise<number> {
  const run = (name: string) => runScenario(scenario, 1, SIMPLE_POLICIES[name]!, { timing: settings.timing });
  const placement = policy === 'product' ? await redis.placement(settings) : undefined;
  const own = placement
    ? await runScenario(scenario, 1, (around) => createProduct(around, placement, settings), settings)
    : await run(policy);
  return scoreOf([[own, await run('oracle')]]).regret;
}

it.each([
  { name: 'n16', atMost: 0.1, leastLoadedAtLeast: 0.3 },
  { name: 'n64', atMost: 0.1, leastLoadedAtLeast: 1 },
  { name: 'mixed-n16', atMost: 0.16, leastLoadedAtLeast: 0.5 },
])('stays within $atMost of the oracle in $name, where the least measured load does not', async (expected) => {
  const scenario = short(expected.name);

  expect(await regretOf(scenario, 'product')).toBeLessThan(expected.atMost);
  expect(await regretOf(scenario, 'least-loaded')).toBeGreaterThan(expected.leastLoadedAtLeast);
});

it('places by what it remembers while there are no metrics, and after Redis has lost everything', async () => {
  const blind = { ...short('n16'), frozen: { firstAtS: 400, forS: 800 }, emptied: { firstAtS: 500, forS: 0 } };

  expect(await regretOf(blind, 'product')).toBeLessThan(0.5);
});

it('does better where games are reported when over and callers say what they need', async () => {
  // The cost of a game has to be learned first, which takes longer than the others wait.
  const scenario: Scenario = { ...findScenario('n16')!, measuredS: 1200 };

  const [usual, told] = [
    await regretOf(scenario, 'product'),
    await regretOf(scenario, 'product', { ...SETTINGS, hints: true, endReports: true }),
  ];

  expect(told).toBeLessThan(usual);
});
