import { writeFileSync } from 'node:fs';
import { keepScores, readKeptScores, restrictedTo, type ScoresByPolicy } from './figures.ts';
import { isDefaultModel, isDefaultProduct, type Options, parseOptions, USAGE, UsageError } from './options.ts';
import { drawHerding } from './picture.ts';
import { ORACLE, PRODUCT } from './policies/policies.ts';
import { runAll } from './pool.ts';
import { startProgress } from './progress.ts';
import { type Outcome, scoreOf } from './regret.ts';
import { toJson, toReport } from './report.ts';
import type { Task } from './run-task.ts';
import { durationOf, findScenario } from './scenarios.ts';

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\nnpm run sim -- --help lists the options.`);
    process.exitCode = 2;
  } else {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  if (options.pictureFile !== undefined) {
    writeFileSync(options.pictureFile, await drawHerding(options.seeds[0] ?? 1, options.settings));
    console.error(`drawn: ${options.pictureFile}`);
    return 0;
  }
  if (options.writeFigures && !(isDefaultModel(options) && isDefaultProduct(options))) {
    throw new UsageError('--write-figures: only figures of the defaults are kept');
  }
  const scores = await measure(options);
  if (options.writeFigures) keepScores(scores);
  if (options.jsonFile !== undefined) writeFileSync(options.jsonFile, toJson(scores, options));
  console.log(toReport(scores, keptBeside(scores, options)));
  return 0;
}

async function measure({ jobs, policies, scenarios, seeds, settings }: Options): Promise<ScoresByPolicy> {
  const run = [...new Set([ORACLE, ...policies])];
  const tasks = scenarios
    .flatMap((scenario) => seeds.flatMap((seed) => run.map((policy): Task => ({ scenario, seed, policy, settings }))))
    .toSorted((a, b) => weightOf(b) - weightOf(a));
  const progress = startProgress(tasks.reduce((sum, task) => sum + weightOf(task), 0));
  const outcomes = new Map<string, Outcome>();
  await runAll(tasks, jobs, (task, outcome) => {
    outcomes.set(nameOf(task), outcome);
    progress.step(`${nameOf(task)} (${outcome.tookS.toFixed(1)} s)`, weightOf(task));
  });
  progress.end();
  const outcome = (scenario: string, seed: number, policy: string) =>
    outcomes.get(nameOf({ scenario, seed, policy, settings }))!;
  const scoresOf = (policy: string) =>
    scenarios.map((name) => [
      name,
      scoreOf(seeds.map((seed) => [outcome(name, seed, policy), outcome(name, seed, ORACLE)])),
    ]);
  return Object.fromEntries(policies.map((policy) => [policy, Object.fromEntries(scoresOf(policy))]));
}

function keptBeside(scores: ScoresByPolicy, options: Options): ScoresByPolicy {
  if (!isDefaultModel(options)) return {};
  const others = Object.entries(readKeptScores()).filter(
    ([policy]) => !(policy in scores) && policy !== PRODUCT && policy !== ORACLE,
  );
  return restrictedTo(Object.fromEntries(others), options.scenarios);
}

function nameOf({ scenario, seed, policy }: Task): string {
  return `${policy} in ${scenario}, seed ${seed}`;
}

/** How long it takes, roughly: the longest go first, so that no process is left alone with one at the end. */
function weightOf({ scenario, policy }: Task): number {
  const what = findScenario(scenario)!;
  return durationOf(what) * what.instances * (policy === PRODUCT ? 20 : 1);
}
