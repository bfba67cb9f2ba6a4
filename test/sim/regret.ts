import { AGGREGATE, type Measure } from './scenarios.ts';

/** Above this an instance counts as overloaded. */
const OVERLOAD = 0.9;

/** What a run comes to. */
export interface Outcome {
  /** Mean over time of the highest utilisation over the mean one. */
  readonly imbalance: number;
  /** Share of the instance-seconds above 90 % utilisation. */
  readonly overload: number;
  /** Mean utilisation, for checks. */
  readonly utilisation: number;
  readonly games: number;
  /** Where instances join: the most games that one of them ever held, over an equal share. */
  readonly newcomerShare?: number;
  /** How long the run took, s of real time. */
  readonly tookS: number;
}

/** A policy in a scenario, the mean over the seeds. */
export interface Score {
  /** How much worse than the oracle's the imbalance is: 0.08 = 8 %. */
  readonly regret: number;
  /** Share of the instance-seconds above 90 % utilisation, percentage points above the oracle's. */
  readonly overloadPoints: number;
  /** The highest utilisation over the mean one. */
  readonly imbalance: number;
  readonly utilisation: number;
  /** The worst over the seeds. */
  readonly newcomerShare?: number;
  readonly seeds: number;
}

/** A policy over scenarios. */
export interface Figures {
  readonly meanRegret: number;
  readonly medianRegret: number;
  readonly worstRegret: number;
  readonly worstScenario: string;
  readonly overloadPoints: number;
}

/** Scores of a policy by scenario. */
export type Scores = Readonly<Record<string, Score>>;

/** Follows utilisation from second to second. Cores and bytes in use beyond the capacity count as they are, uncapped. */
export function createObserver(measure: Measure) {
  let [seconds, imbalance, instanceSeconds, overloaded, utilisationSum] = [0, 0, 0, 0, 0];
  return {
    /** @param instances those that are alive, as shares of their CPU and RAM in use */
    observe(count: number, cpu: (index: number) => number, ram: (index: number) => number) {
      let [highest, sum] = [0, 0];
      for (let i = 0; i < count; i += 1) {
        const utilisation = pick(measure, cpu(i), ram(i));
        sum += utilisation;
        if (utilisation > highest) highest = utilisation;
        if (utilisation > OVERLOAD) overloaded += 1;
      }
      if (sum === 0) return;
      seconds += 1;
      imbalance += (highest * count) / sum;
      instanceSeconds += count;
      utilisationSum += sum;
    },
    result: () => ({
      imbalance: imbalance / seconds,
      overload: overloaded / instanceSeconds,
      utilisation: utilisationSum / instanceSeconds,
    }),
  };
}

function pick(measure: Measure, cpu: number, ram: number): number {
  if (measure === 'higher') return Math.max(cpu, ram);
  return measure === 'cpu' ? cpu : ram;
}

/** @param pairs a run of the policy and the oracle's with the same games, one pair per seed */
export function scoreOf(pairs: readonly (readonly [own: Outcome, oracle: Outcome])[]): Score {
  const mean = (value: (own: Outcome, oracle: Outcome) => number) =>
    pairs.reduce((sum, [own, oracle]) => sum + value(own, oracle), 0) / pairs.length;
  const shares = pairs.flatMap(([{ newcomerShare }]) => newcomerShare ?? []);
  return {
    regret: mean((own, oracle) => own.imbalance / oracle.imbalance - 1),
    overloadPoints: mean((own, oracle) => 100 * (own.overload - oracle.overload)),
    imbalance: mean((own) => own.imbalance),
    utilisation: mean((own) => own.utilisation),
    ...(shares.length > 0 && { newcomerShare: Math.max(...shares) }),
    seeds: pairs.length,
  };
}

/** Over those of the given scenarios that count in the aggregate; undefined where none does. */
export function figuresOf(scores: Scores): Figures | undefined {
  const counted = AGGREGATE.flatMap(({ name }) => {
    const score = scores[name];
    return score ? [{ name, ...score }] : [];
  }).toSorted((a, b) => a.regret - b.regret);
  const worst = counted.at(-1);
  if (worst === undefined) return undefined;
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const middle = [Math.floor((counted.length - 1) / 2), Math.floor(counted.length / 2)];
  return {
    meanRegret: mean(counted.map(({ regret }) => regret)),
    medianRegret: mean(middle.map((at) => counted[at]!.regret)),
    worstRegret: worst.regret,
    worstScenario: worst.name,
    overloadPoints: mean(counted.map(({ overloadPoints }) => overloadPoints)),
  };
}
