import { readFileSync, writeFileSync } from 'node:fs';
import * as z from 'zod/mini';
import { type Figures, figuresOf, type Scores } from './regret.ts';
import { SCENARIOS } from './scenarios.ts';

/** Figures of policies by name, kept in the repository so that nobody has to run them all for a comparison. */
const FIGURES_FILE = new URL('./figures.json', import.meta.url);

const Kept = z.object({
  scenarios: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        regret: z.number(),
        overloadPoints: z.number(),
        imbalance: z.number(),
        utilisation: z.number(),
        newcomerShare: z.exactOptional(z.number()),
        seeds: z.number(),
      }),
    ),
  ),
});

/** Scores by policy and scenario. */
export type ScoresByPolicy = Readonly<Record<string, Scores>>;

export function readKeptScores(): ScoresByPolicy {
  return Kept.parse(JSON.parse(readFileSync(FIGURES_FILE, 'utf8'))).scenarios;
}

/** Scores of a run take the place of what was kept of the same policy and scenario. */
export function keepScores(scores: ScoresByPolicy): void {
  const kept = readKeptScores();
  const policies = new Set([...Object.keys(kept), ...Object.keys(scores)]);
  const merged = Object.fromEntries(
    [...policies].map((policy) => [policy, inOrder({ ...kept[policy], ...scores[policy] })]),
  );
  writeFileSync(
    FIGURES_FILE,
    `${JSON.stringify(rounded({ policies: aggregates(merged), scenarios: merged }), null, 2)}\n`,
  );
}

/** Of those that have a scenario that counts. */
export function aggregates(scores: ScoresByPolicy): Readonly<Record<string, Figures>> {
  return Object.fromEntries(
    Object.entries(scores).flatMap(([policy, own]) => {
      const figures = figuresOf(own);
      return figures ? [[policy, figures]] : [];
    }),
  );
}

/** Only the given scenarios of each policy, and only policies that have them all. */
export function restrictedTo(scores: ScoresByPolicy, scenarios: readonly string[]): ScoresByPolicy {
  const complete = Object.entries(scores).filter(([, own]) => scenarios.every((name) => own[name]));
  return Object.fromEntries(
    complete.map(([policy, own]) => [policy, Object.fromEntries(scenarios.map((name) => [name, own[name]!]))]),
  );
}

function inOrder(scores: Scores): Scores {
  return Object.fromEntries(SCENARIOS.flatMap(({ name }) => (scores[name] ? [[name, scores[name]]] : [])));
}

/** Six digits are more than a run can say. */
function rounded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, part) =>
    typeof part === 'number' ? Number(part.toPrecision(6)) : part,
  );
}
