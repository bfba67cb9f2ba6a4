import { expect, it } from 'vitest';
import { ORACLE, SIMPLE_POLICIES } from './policies/policies.ts';
import { scoreOf } from './regret.ts';
import { DEFAULT_TIMING, runScenario } from './run-scenario.ts';
import { findScenario } from './scenarios.ts';

async function regrets(name: string): Promise<Record<string, number>> {
  const scenario = findScenario(name)!;
  const run = (policy: string) => runScenario(scenario, 1, SIMPLE_POLICIES[policy]!, { timing: DEFAULT_TIMING });
  const oracle = await run(ORACLE);
  const scores = Object.keys(SIMPLE_POLICIES).map(async (policy) => [
    policy,
    scoreOf([[await run(policy), oracle]]).regret,
  ]);
  return Object.fromEntries(await Promise.all(scores));
}

it.each(['n16', 'mixed-n16', 'crash', 'levels', 'idle-burst'])(
  'lets no policy do better than the oracle in %s',
  async (name) => {
    const { oracle, ...others } = await regrets(name);

    expect(oracle).toBe(0);
    for (const regret of Object.values(others)) expect(regret).toBeGreaterThan(0.03);
  },
);

it('shows that the least loaded as measured herds, and that whoever is without metrics gets everything', async () => {
  const [usual, missing] = await Promise.all([regrets('n64'), regrets('missing-always')]);

  expect(usual['least-loaded']).toBeGreaterThan(2);
  expect(usual['least-loaded']).toBeGreaterThan(4 * usual['random']!);
  expect(missing['least-loaded']).toBeGreaterThan(30);
  expect(missing['threshold-round-robin']).toBeGreaterThan(5);
});

it('comes to the same when it is repeated', async () => {
  expect(await regrets('n16')).toEqual(await regrets('n16'));
});
