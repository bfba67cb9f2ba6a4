import { expect, it } from 'vitest';
import { type DecidedInstance, type DecisionFacts, decisionInWords } from '../../lib/domain/decision-in-words.ts';

const FIRST: DecidedInstance = { instanceId: '10.0.0.3', reason: 'chosen', state: 'sampled', cpu: 0.408, ram: 0.3 };
const SECOND: DecidedInstance = { ...FIRST, instanceId: '10.0.0.5', reason: 'higher_score', cpu: 0.44 };
const FULL: DecidedInstance = { ...FIRST, instanceId: '10.0.0.1', reason: 'full', state: 'full' };

function say(facts: Partial<DecisionFacts> = {}): string {
  const usual = { decision: 'placed', instanceId: '10.0.0.3', instances: [FIRST, SECOND, FULL] } as const;
  return decisionInWords({
    ...usual,
    ...{ moves: false, isGone: false, unmatched: false, packCeiling: undefined },
    ...facts,
  });
}

it.each<[Partial<DecisionFacts>, string]>([
  [{}, '10.0.0.3 has the lowest expected use: CPU 41 %, RAM 30 %; next is 10.0.0.5 with CPU 44 %, RAM 30 %.'],
  [{ instances: [FIRST, FULL] }, '10.0.0.3 is the only one that can take the game: CPU 41 %, RAM 30 %.'],
  [
    { moves: true, instances: [FIRST] },
    'Its earlier instance is gone; 10.0.0.3 is the only one that can take the game: CPU 41 %, RAM 30 %.',
  ],
  [
    { instances: [{ ...FIRST, state: 'dark' }, SECOND] },
    '10.0.0.3 has the lowest expected use by the games counted on it, without a recent sample: CPU 41 %, RAM 30 %; next is 10.0.0.5 with CPU 44 %, RAM 30 %.',
  ],
  [
    { instances: [FIRST, { ...SECOND, reason: 'less_preferred' }] },
    '10.0.0.3 is the only one of those preferred that can take the game: CPU 41 %, RAM 30 %; next is 10.0.0.5, which is not preferred, with CPU 44 %, RAM 30 %.',
  ],
  [
    { packCeiling: 0.75, instances: [FIRST, { ...SECOND, reason: 'lower_score' }] },
    '10.0.0.3 is the fullest that stays below 75 %: CPU 41 %, RAM 30 %; next is 10.0.0.5 with CPU 44 %, RAM 30 %.',
  ],
  [
    { packCeiling: 0.75 },
    '10.0.0.3 has the lowest expected use, and all are above 75 %: CPU 41 %, RAM 30 %; next is 10.0.0.5 with CPU 44 %, RAM 30 %.',
  ],
  [
    { part: { looksAt: 32, of: 3000 } },
    '10.0.0.3 has the lowest expected use: CPU 41 %, RAM 30 %; next is 10.0.0.5 with CPU 44 %, RAM 30 %; of 3000 instances each assignment looks at 32, drawn by chance.',
  ],
  [{ instances: [FULL] }, 'The game would be placed.'],
  [
    { packCeiling: 0.75, instances: [FIRST, { ...SECOND, reason: 'above_ceiling' }] },
    '10.0.0.3 is the fullest that stays below 75 %: CPU 41 %, RAM 30 %; next is 10.0.0.5 with CPU 44 %, RAM 30 %.',
  ],
  [{ decision: 'recorded' }, 'The game is recorded on 10.0.0.3 already, and it stays there.'],
  [
    { decision: 'recorded', isGone: true },
    'The game is recorded on 10.0.0.3, which fails its checks or is not listed any more; for now it stays there.',
  ],
  [{ decision: 'no_capacity', instances: [FULL] }, 'Every instance that may have the game is full (1 of them).'],
  [{ decision: 'too_many_games' }, 'The service has as many games as it may have at once.'],
  [
    { decision: 'conflict' },
    'The record under this game_id was written by something else and does not name an instance.',
  ],
  [{ decision: 'no_candidate', unmatched: true }, 'No healthy instance matches settings.require.'],
  [{ decision: 'no_candidate', instances: [] }, 'No instance takes new games: none is listed.'],
  [
    {
      decision: 'no_candidate',
      instances: (['draining', 'failing', 'failing', 'not_taking'] as const).map((reason) => ({ ...FULL, reason })),
    },
    'No instance takes new games: 1 draining, 1 in maintenance or with a warning, 2 failing.',
  ],
])('%j: %s', (facts, sentence) => {
  expect(say(facts)).toBe(sentence);
});
