import { expect, it } from 'vitest';
import { createObserver, figuresOf, type Outcome, type Score, scoreOf } from './regret.ts';
import { AGGREGATE } from './scenarios.ts';

const outcome = (imbalance: number, overload = 0): Outcome => ({
  imbalance,
  overload,
  utilisation: 0.7,
  games: 1,
  tookS: 1,
});
const score = (regret: number, overloadPoints = 0): Score => ({
  regret,
  overloadPoints,
  imbalance: 1,
  utilisation: 0.7,
  seeds: 1,
});

it('averages the highest over the mean utilisation, and counts what is above 90 %', () => {
  const observer = createObserver('cpu');

  observer.observe(
    2,
    (i) => [0.5, 0.5][i]!,
    () => 1,
  );
  observer.observe(
    2,
    (i) => [0.95, 0.05][i]!,
    () => 1,
  );

  expect(observer.result()).toEqual({ imbalance: (1 + 0.95 / 0.5) / 2, overload: 0.25, utilisation: 0.5 });
});

it('takes the higher of CPU and RAM where games of both levels come', () => {
  const observer = createObserver('higher');

  observer.observe(
    2,
    (i) => [0.4, 0.1][i]!,
    (i) => [0.1, 0.2][i]!,
  );

  expect(observer.result().imbalance).toBeCloseTo(0.4 / 0.3);
});

it('compares a run with the one of the oracle on the same seed', () => {
  const { regret, overloadPoints, seeds } = scoreOf([
    [outcome(1.2, 0.05), outcome(1, 0.01)],
    [outcome(1.5), outcome(1.25)],
  ]);

  expect(regret).toBeCloseTo(0.2);
  expect(overloadPoints).toBeCloseTo(2);
  expect(seeds).toBe(2);
});

it('aggregates over the scenarios that count', () => {
  const figures = figuresOf({ n4: score(0.1, 3), n16: score(0.4), n64: score(0.1), 'ram-baseline': score(9) });

  expect(figures).toEqual({
    meanRegret: expect.closeTo(0.2),
    medianRegret: 0.1,
    worstRegret: 0.4,
    worstScenario: 'n16',
    overloadPoints: 1,
  });
  expect(figuresOf({ 'ram-baseline': score(9) })).toBeUndefined();
});

it('counts 19 scenarios', () => {
  expect(AGGREGATE.map(({ name }) => name).join(' ')).toBe(
    'n4 n16 n64 n256 util40 util85 util85-n256 mixed-n16 mixed-n64 mixed-n64-85 spike autoscale crash missing-5min ' +
      'missing-always outage ram levels ram-spike',
  );
});
