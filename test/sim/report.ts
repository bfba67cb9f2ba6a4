import { aggregates, type ScoresByPolicy } from './figures.ts';
import type { Options } from './options.ts';
import type { Figures } from './regret.ts';
import { AGGREGATE, APART } from './scenarios.ts';

/** What `--json` writes: regrets as ratios (0.08 = 8 %), overload in percentage points. */
export function toJson(scores: ScoresByPolicy, { settings, seeds, scenarios }: Options): string {
  const { timing, ...product } = settings;
  const options = { ...timing, ...product, seeds, scenarios };
  return `${JSON.stringify({ policies: aggregates(scores), scenarios: scores, options }, null, 2)}\n`;
}

/** @param kept figures from the repository, over the same scenarios, of policies that were not run */
export function toReport(scores: ScoresByPolicy, kept: ScoresByPolicy): string {
  const names = [...Object.keys(kept), ...Object.keys(scores)];
  const all = { ...kept, ...scores };
  const ran = (scenarios: typeof AGGREGATE) =>
    scenarios.filter(({ name }) => names.some((policy) => all[policy]?.[name]));
  const parts = [
    scenarioTable(
      names,
      all,
      ran([...AGGREGATE, ...APART]).map(({ name }) => name),
    ),
    aggregateTable(scores, kept, ran(AGGREGATE).length),
    newcomerLines(scores),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function scenarioTable(policies: readonly string[], scores: ScoresByPolicy, scenarios: readonly string[]): string {
  const apart = new Set(APART.map(({ name }) => name));
  const rows = scenarios.map((name) => [
    apart.has(name) ? `${name} (apart)` : name,
    ...policies.map((policy) => {
      const score = scores[policy]?.[name];
      return score ? `${percent(score.regret)} ${points(score.overloadPoints)}` : '';
    }),
  ]);
  return formatTable([['regret, overload points', ...policies], ...rows]);
}

function aggregateTable(scores: ScoresByPolicy, kept: ScoresByPolicy, scenarios: number): string {
  const row = (name: string, figures: Figures) => [
    name,
    percent(figures.meanRegret),
    percent(figures.medianRegret),
    percent(figures.worstRegret),
    figures.worstScenario,
    points(figures.overloadPoints),
  ];
  const rows = [
    ...Object.entries(aggregates(kept)).map(([name, figures]) => row(`${name} (kept)`, figures)),
    ...Object.entries(aggregates(scores)).map(([name, figures]) => row(name, figures)),
  ];
  if (rows.length === 0) return '';
  const head = ['policy', 'mean regret', 'median', 'worst', 'in', 'overload points'];
  return `Over ${scenarios} of the ${AGGREGATE.length} scenarios of the aggregate:\n${formatTable([head, ...rows])}`;
}

function newcomerLines(scores: ScoresByPolicy): string {
  return Object.entries(scores)
    .flatMap(([policy, own]) =>
      Object.entries(own).flatMap(([scenario, { newcomerShare }]) =>
        newcomerShare === undefined
          ? []
          : [
              `${scenario}, ${policy}: the fullest newcomer held at most ${newcomerShare.toFixed(2)} times its fair share`,
            ],
      ),
    )
    .join('\n');
}

function percent(ratio: number): string {
  const value = 100 * ratio;
  return `${value.toFixed(Math.abs(value) < 20 ? 1 : 0)} %`;
}

function points(value: number): string {
  return value.toFixed(1);
}

/** The first column to the left, the others to the right. */
function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}
