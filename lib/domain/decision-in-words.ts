import type { CandidateReason } from './candidate-ranking.ts';

/** What a request would come to. */
export type Decision = 'placed' | 'recorded' | 'no_candidate' | 'no_capacity' | 'too_many_games' | 'conflict';

/** An instance as a decision saw it; shares with the game, of its CPU and its RAM. */
export interface DecidedInstance {
  readonly instanceId: string;
  readonly reason: CandidateReason;
  readonly state?: 'sampled' | 'dark' | 'full' | 'not_selected';
  readonly cpu?: number;
  readonly ram?: number;
}

export interface DecisionFacts {
  readonly decision: Decision;
  /** With `placed` and `recorded`. */
  readonly instanceId?: string;
  /** All instances, the best first. */
  readonly instances: readonly DecidedInstance[];
  /** With `placed`: the instance that the game had is gone. */
  readonly moves: boolean;
  /** With `recorded`: that instance fails its checks, or is not listed any more. */
  readonly isGone: boolean;
  /** With `no_candidate`: there are instances that take games, and none of them is what settings.require says. */
  readonly unmatched: boolean;
  /** By `pack`: up to which score instances are filled. */
  readonly packCeiling: number | undefined;
  /** Of how many instances one assignment looks at only some, drawn by chance, and at how many; else absent. */
  readonly part?: { readonly looksAt: number; readonly of: number };
}

/** One sentence that says why. */
export function decisionInWords(facts: DecisionFacts): string {
  const { decision, instanceId, instances, isGone, unmatched } = facts;
  switch (decision) {
    case 'placed':
      return placedInWords(facts);
    case 'recorded':
      return isGone
        ? `The game is recorded on ${instanceId}, which fails its checks or is not listed any more; for now it stays there.`
        : `The game is recorded on ${instanceId} already, and it stays there.`;
    case 'no_capacity':
      return `Every instance that may have the game is full (${count(instances, 'full')} of them).`;
    case 'too_many_games':
      return 'The service has as many games as it may have at once.';
    case 'conflict':
      return 'The record under this game_id was written by something else and does not name an instance.';
    case 'no_candidate':
      return unmatched
        ? 'No healthy instance matches settings.require.'
        : `No instance takes new games: ${nobodyInWords(instances)}.`;
  }
}

function placedInWords({ instances, moves, packCeiling, part }: DecisionFacts): string {
  const [best, next] = instances.filter(({ reason }) => isRival(reason));
  if (best === undefined) return 'The game would be placed.';
  const moved = moves ? 'Its earlier instance is gone; ' : '';
  const rival = next === undefined ? '' : `; next is ${inWords(next)}`;
  const chance =
    part === undefined ? '' : `; of ${part.of} instances each assignment looks at ${part.looksAt}, drawn by chance`;
  return `${moved}${best.instanceId} ${whyBest(best, next, packCeiling)}: ${shares(best)}${rival}${chance}.`;
}

function whyBest(best: DecidedInstance, next: DecidedInstance | undefined, packCeiling: number | undefined): string {
  if (next === undefined) return 'is the only one that can take the game';
  if (next.reason === 'less_preferred') return 'is the only one of those preferred that can take the game';
  if (best.state === 'dark') return 'has the lowest expected use by the games counted on it, without a recent sample';
  if (packCeiling === undefined) return 'has the lowest expected use';
  const ceiling = percent(packCeiling);
  const packed = next.reason !== 'higher_score';
  return packed
    ? `is the fullest that stays below ${ceiling}`
    : `has the lowest expected use, and all are above ${ceiling}`;
}

/** Whether it could have been the one. */
function isRival(reason: CandidateReason): boolean {
  return ['chosen', 'higher_score', 'lower_score', 'above_ceiling', 'less_preferred'].includes(reason);
}

function inWords(instance: DecidedInstance): string {
  const preference = instance.reason === 'less_preferred' ? ', which is not preferred,' : '';
  return `${instance.instanceId}${preference} with ${shares(instance)}`;
}

function shares({ cpu = 0, ram = 0 }: DecidedInstance): string {
  return `CPU ${percent(cpu)}, RAM ${percent(ram)}`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function nobodyInWords(instances: readonly DecidedInstance[]): string {
  const parts = (
    [
      ['draining', 'draining'],
      ['not_taking', 'in maintenance or with a warning'],
      ['failing', 'failing'],
    ] as const
  ).flatMap(([reason, words]) => {
    const number = count(instances, reason);
    return number === 0 ? [] : [`${number} ${words}`];
  });
  return parts.length === 0 ? 'none is listed' : parts.join(', ');
}

function count(instances: readonly DecidedInstance[], reason: CandidateReason): number {
  return instances.filter((instance) => instance.reason === reason).length;
}
