import { expect, it } from 'vitest';
import { readKeptScores, restrictedTo } from './figures.ts';
import { parseOptions } from './options.ts';
import type { Score } from './regret.ts';
import { toJson, toReport } from './report.ts';

const score = (regret: number): Score => ({ regret, overloadPoints: 1.7, imbalance: 1.1, utilisation: 0.7, seeds: 1 });
const scores = { product: { n4: score(0.08), 'ram-baseline': score(0.2) } };

it('writes ratios and points by policy and by scenario', () => {
  const json: unknown = JSON.parse(toJson(scores, parseOptions(['--scenario', 'n4,ram-baseline'])));

  expect(Object.keys(json as object)).toEqual(['policies', 'scenarios', 'options']);
  expect(json).toMatchObject({
    policies: {
      product: { meanRegret: 0.08, medianRegret: 0.08, worstRegret: 0.08, worstScenario: 'n4', overloadPoints: 1.7 },
    },
    scenarios: { product: { n4: { regret: 0.08 }, 'ram-baseline': { regret: 0.2 } } },
    options: { scrapeIntervalS: 15, cpuWindowS: 30, viewAgeS: 10, seeds: [1], scenarios: ['n4', 'ram-baseline'] },
  });
});

it('puts what was kept beside what was run, and says so', () => {
  const text = toReport(scores, { random: { n4: score(0.2), 'ram-baseline': score(0.3) } });

  expect(text).toMatch(/ram-baseline \(apart\) +30 % 1\.7 +20 % 1\.7/);
  expect(text).toMatch(/random \(kept\) +20 %/);
  expect(text).toMatch(/product +8\.0 %/);
  expect(text).toContain('Over 1 of the 19');
});

it('keeps figures of every policy but the product in the repository, for all scenarios', () => {
  const kept = restrictedTo(readKeptScores(), parseOptions([]).scenarios);

  expect(Object.keys(kept)).toEqual(
    expect.arrayContaining([
      'least-loaded',
      'threshold-round-robin',
      'random',
      'round-robin',
      'power-of-two',
      'fewest-sessions',
    ]),
  );
});
