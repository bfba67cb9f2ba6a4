import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GOLDEN_CONFIG, GOLDEN_T0, type GoldenDecision, runGolden, toCall } from '../../dev/doctor/golden/golden.ts';
import { GOLDEN_DECISIONS } from '../../dev/doctor/golden/golden-decisions.ts';
import { createLuaPlacement } from '../../lib/placement/lua-placement.ts';
import { placementConfig } from '../support/placement.ts';
import { type PlacementServer, startPlacementServer } from '../support/placement-service.ts';
import { createRuleModel } from './rule-model.ts';

let server: PlacementServer;

beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server.stop());

describe('place.lua decides', () => {
  it.each(named(GOLDEN_DECISIONS))('%s', async (_rule, decision) => {
    const differences = await runGolden(
      decision,
      (config, nowS) => createLuaPlacement(server.client, placementConfig(config), () => nowS() * 1000, { nowS }),
      AbortSignal.timeout(30_000),
    );

    expect(differences).toEqual([]);
  });
});

describe('the rule, written a second time, decides', () => {
  it.each(named(GOLDEN_DECISIONS.filter(isOfTheRuleAlone)))('%s', (_rule, { config, steps }) => {
    const choose = createRuleModel(placementConfig({ ...GOLDEN_CONFIG, ...config }));
    for (const [number, step] of steps.entries()) {
      const { candidates, newestSampleS } = toCall(step, number);
      for (const { op, outcome, level = 'low' } of step.asked) {
        const { id, lead } = choose(candidates, newestSampleS, level, GOLDEN_T0 + step.second);
        expect({ second: step.second, id: op === 'choose' ? `${id}, chosen` : id }).toEqual({
          second: step.second,
          id: outcome,
        });
        // Another engine may round otherwise, and decide nothing else for that. Equals are equal in each.
        expect(lead === 0 || lead > 1e-4).toBe(true);
      }
    }
  });

  it('for most of them', () => {
    expect(GOLDEN_DECISIONS.filter(isOfTheRuleAlone).length).toBeGreaterThan(50);
  });
});

it('names each of them once', () => {
  const rules = GOLDEN_DECISIONS.map(({ rule }) => rule);

  expect(rules).toEqual([...new Set(rules)]);
});

/** `$rule` in a test's name would be cut short. */
function named(decisions: readonly GoldenDecision[]): [rule: string, decision: GoldenDecision][] {
  return decisions.map((decision) => [decision.rule.replaceAll('%', '%%'), decision]);
}

/** Whether it asks only for what that knows: games and choices by their level, for all of the servers. */
function isOfTheRuleAlone({ config, steps }: GoldenDecision): boolean {
  const { gameCost, strategy } = { ...GOLDEN_CONFIG, ...config };
  return (
    gameCost === GOLDEN_CONFIG.gameCost &&
    strategy === 'spread' &&
    steps.every(
      (step) =>
        step.fleet.length > 0 &&
        step.fleet.every(({ instance }) => instance.maxGames === undefined) &&
        step.asked.every((request) =>
          Object.entries(request).every(
            ([key, value]) => key === 'outcome' || key === 'level' || (key === 'op' && value === 'choose'),
          ),
        ),
    )
  );
}
