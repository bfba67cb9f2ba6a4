import { expect, it } from 'vitest';
import { type JudgedCandidate, type RankingRule, rankCandidates } from '../../lib/domain/candidate-ranking.ts';

const SPREAD: RankingRule = { packs: false, packCeiling: 0.75 };
const PACK: RankingRule = { packs: true, packCeiling: 0.75 };

const judged = (instanceId: string, score: number, state: JudgedCandidate['state'] = 'sampled') => ({
  instanceId,
  state,
  score,
});
const FLEET = [
  judged('busy', 0.6),
  judged('over', 0.9),
  judged('idle', 0.2),
  judged('dark', 0.3, 'dark'),
  judged('full', 0.1, 'full'),
  judged('other', 0.05, 'not_selected'),
];

function rank(chosenId: string | undefined, rule: RankingRule, tiers: Readonly<Record<string, number>> = {}) {
  const tierOf = (position: number) => tiers[FLEET[position]?.instanceId ?? ''] ?? 0;
  return rankCandidates(FLEET, tierOf, chosenId, rule).map(({ candidate, reason }) => [candidate.instanceId, reason]);
}

it('by spread has the lowest score first, and who was not to be had last', () => {
  expect(rank('idle', SPREAD)).toEqual([
    ['idle', 'chosen'],
    ['dark', 'higher_score'],
    ['busy', 'higher_score'],
    ['over', 'higher_score'],
    ['full', 'full'],
    ['other', 'not_selected'],
  ]);
});

it('by pack has the fullest below the ceiling first, then who is above it, then who is not measured', () => {
  expect(rank('busy', PACK)).toEqual([
    ['busy', 'chosen'],
    ['idle', 'lower_score'],
    ['over', 'above_ceiling'],
    ['dark', 'unmeasured'],
    ['full', 'full'],
    ['other', 'not_selected'],
  ]);
});

it('by pack with everybody above the ceiling goes by the lowest score', () => {
  const all = [judged('a', 0.9), judged('b', 0.8)];

  const ranked = rankCandidates(all, () => 0, 'b', PACK);

  expect(ranked.map(({ candidate, reason }) => [candidate.instanceId, reason])).toEqual([
    ['b', 'chosen'],
    ['a', 'higher_score'],
  ]);
});

it('has the preferred ones first, whatever their score', () => {
  expect(rank('over', SPREAD, { idle: 1, busy: 1, dark: 1 })).toEqual([
    ['over', 'chosen'],
    ['idle', 'less_preferred'],
    ['dark', 'less_preferred'],
    ['busy', 'less_preferred'],
    ['full', 'full'],
    ['other', 'not_selected'],
  ]);
});

it('where nothing is chosen says so, and who is full all the same', () => {
  expect(rank(undefined, SPREAD).map(([, reason]) => reason)).toEqual([
    ...Array<string>(4).fill('not_considered'),
    'full',
    'not_selected',
  ]);
});

it('has the chosen one first where others have the same score', () => {
  const all = [judged('a', 0.5), judged('b', 0.5), judged('c', 0.5)];

  expect(rankCandidates(all, () => 0, 'b', SPREAD).map(({ candidate }) => candidate.instanceId)).toEqual([
    'b',
    'a',
    'c',
  ]);
});

it('has the chosen one first also where it stands last and a better score stands before it', () => {
  const all = [judged('a', 0.1), judged('b', 0.2), judged('c', 0.9)];

  expect(rankCandidates(all, () => 0, 'c', SPREAD).map(({ candidate }) => candidate.instanceId)).toEqual([
    'c',
    'a',
    'b',
  ]);
});

it('has who may not have the game last, and before them who is full, the preferred and the least scored first', () => {
  const all = [
    judged('not-1', 0.1, 'not_selected'),
    judged('full-2', 0.7, 'full'),
    judged('full-1', 0.6, 'full'),
    judged('full-0', 0.9, 'full'),
    judged('taken', 0.8),
  ];
  const tierOf = (position: number) => (position === 3 ? 0 : 1);

  expect(rankCandidates(all, tierOf, 'taken', SPREAD).map(({ candidate }) => candidate.instanceId)).toEqual([
    'taken',
    'full-0',
    'full-1',
    'full-2',
    'not-1',
  ]);
});

it('by pack goes by the score below the ceiling downwards, above it and without a sample upwards', () => {
  const all = [
    judged('dark-2', 0.6, 'dark'),
    judged('dark-1', 0.5, 'dark'),
    judged('over-2', 0.9),
    judged('over-1', 0.8),
    judged('low', 0.1),
    judged('at-ceiling', 0.75),
    judged('mid', 0.4),
    judged('top', 0.7),
  ];

  expect(
    rankCandidates(all, () => 0, 'top', PACK).map(({ candidate, reason }) => `${candidate.instanceId} ${reason}`),
  ).toEqual([
    'top chosen',
    'at-ceiling lower_score',
    'mid lower_score',
    'low lower_score',
    'over-1 above_ceiling',
    'over-2 above_ceiling',
    'dark-1 unmeasured',
    'dark-2 unmeasured',
  ]);
});

it('by pack does not call an instance without a score above the ceiling', () => {
  const all = [judged('a', 0.5), { instanceId: 'b', state: 'sampled' as const }];

  expect(rankCandidates(all, () => 0, 'a', PACK)[1]?.reason).toBe('lower_score');
});
