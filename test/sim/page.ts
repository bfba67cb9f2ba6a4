import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';
import { withSection } from '../support/readme-section.ts';
import { aggregates, readKeptScores, type ScoresByPolicy } from './figures.ts';
import { AGGREGATE, APART } from './scenarios.ts';

// Makes the README's figures of placement from test/sim/figures.json: node test/sim/page.ts

const MARKERS = { begin: '<!-- sim:begin (made by test/sim/page.ts) -->', end: '<!-- sim:end -->' };
const README = join(PROJECT_ROOT, 'README.md');

/** Policies in the order of the table, in words. */
const POLICIES: Readonly<Record<string, string>> = {
  'least-loaded': 'least loaded as measured (the replaced service)',
  'threshold-round-robin': 'round robin among those close to the least (its later version)',
  random: 'random',
  'round-robin': 'round robin, shared',
  'power-of-two': 'the less loaded of two, as measured',
  'fewest-sessions': 'fewest sessions, with every end reported',
  product: '**this one**',
};

/** The README's section; every figure of it comes from `scores`. */
export function sectionOf(scores: ScoresByPolicy): string {
  const figures = aggregates(scores);
  const product = scores['product'] ?? {};
  const rows = Object.entries(POLICIES).flatMap(([policy, words]) => {
    const own = figures[policy];
    if (own === undefined) return [];
    const regrets = [own.meanRegret, own.medianRegret, own.worstRegret].map(percent);
    return [`| ${[words, ...regrets, own.overloadPoints.toFixed(1)].join(' | ')} |`];
  });
  const seeds = Math.min(...AGGREGATE.map(({ name }) => product[name]?.seeds ?? 0));
  const apart = APART.flatMap(({ name }) => (product[name] ? [`\`${name}\` ${percent(product[name].regret)}`] : []));
  return [
    '| policy | mean regret | median | worst | overload |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `Means of ${seeds} seeds over ${AGGREGATE.length} scenarios; this one in four hard cases beside them: ${apart.join(', ')}.`,
  ].join('\n');
}

export function readmeWith(readme: string, scores: ScoresByPolicy): string {
  return withSection(readme, MARKERS, sectionOf(scores));
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(ratio < 0.2 ? 1 : 0)} %`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(README, readmeWith(readFileSync(README, 'utf8'), readKeptScores()));
}
