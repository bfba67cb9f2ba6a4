import type { DegradedSource, FleetView } from '../domain/fleet.ts';
import { indexOf, newestSampleS } from '../domain/fleet-index.ts';
import type { Candidate, Decision, PlacementCall } from './placement.ts';
import type { AssignRequest } from './service-requests.ts';

/** What was seen of some instances of the fleet. */
export interface SnapshotLine {
  readonly kind: 'fleet_snapshot';
  readonly service: string;
  /** Its number, which no other view has: a random word of the process, and how many it told of before. */
  readonly snapshot: string;
  /** From 1: a view that later decisions need more of has further lines. */
  readonly part: number;
  /** Instances that were listed, and those of them that took games. */
  readonly listed: number;
  readonly eligible: number;
  /** Time of the newest sample of the fleet, s since 1970. */
  readonly newest_sample_s?: number;
  /** What was configured, as place.lua gets it. */
  readonly rule: object;
  readonly instances: readonly SnapshotInstance[];
}

export interface SnapshotInstance {
  readonly id: string;
  readonly cpu_cores: number;
  readonly memory_bytes: number;
  readonly max_games?: number;
  /** When it was taken (s since 1970), cores and bytes in use. */
  readonly sample?: readonly [atS: number, cpuCores: number, memoryBytes: number];
}

/** What came of a decision. */
export interface DecidedFields {
  /** `placed`, or why nobody got it. */
  readonly outcome: 'placed' | NonNullable<Decision['refusal']>;
  /** Ids of who got it, and who would have without the winner, with their scores: the least wins (by `spread`). */
  readonly winner?: string;
  readonly winner_score?: number;
  readonly runner_up?: string;
  readonly runner_up_score?: number;
}

/** How a game got its instance. Numbers have all of their digits: the same ones lead to the same decision. */
export interface DecisionLine extends DecidedFields {
  readonly kind: 'decision';
  readonly service: string;
  /** Number of the snapshot that has its candidates. */
  readonly snapshot: string;
  /** Trace ids of the call that it was made in, which may have had requests of other traces too. */
  readonly trace?: string;
  /** By Redis's clock, ms since 1970. */
  readonly at_ms: number;
  readonly game_id: string;
  readonly level: string;
  readonly expected?: { readonly cpu_cores?: number; readonly memory_bytes?: number; readonly exact: boolean };
  /** Where the request named one. */
  readonly strategy?: string;
  readonly require?: object;
  readonly prefer?: object;
  readonly degraded?: readonly DegradedSource[];
  /** It had an instance before, which is gone. */
  readonly moved?: true;
  /** How many candidates there were; `candidates` has those that tell most. */
  readonly seen: number;
  /** The service's averages and what was made of all candidates, by position: see place.lua. */
  readonly averages: unknown;
  readonly whole: unknown;
  readonly candidates: readonly { readonly id: string; readonly state: unknown }[];
  /** Groups of `candidates` in order of preference, by position from 0; absent: all in one. */
  readonly tiers?: readonly (readonly number[])[];
}

export function toSnapshotLine(
  head: Pick<SnapshotLine, 'service' | 'snapshot' | 'part' | 'rule'>,
  { list, load }: FleetView,
  candidates: readonly Candidate[],
): SnapshotLine {
  const newest = newestSampleS(load);
  return {
    kind: 'fleet_snapshot',
    ...head,
    listed: list.instances.length,
    eligible: indexOf(list).eligible.length,
    ...(newest !== undefined && { newest_sample_s: newest }),
    instances: candidates.map(toSnapshotInstance),
  };
}

function toSnapshotInstance({ instance, sample }: Candidate): SnapshotInstance {
  const numbers = sample && ([sample.atS, sample.cpuCores, sample.memoryBytes] as const);
  return {
    id: instance.id,
    cpu_cores: instance.cpuCores,
    memory_bytes: instance.memoryBytes,
    ...(instance.maxGames !== undefined && { max_games: instance.maxGames }),
    // JSON has no other numbers, and the decision took such a sample for none.
    ...(numbers?.every(Number.isFinite) && { sample: numbers }),
  };
}

/** @param call the one that `decision` is of, which was made for `request` */
export function toDecisionLine(
  head: Pick<DecisionLine, 'service' | 'snapshot' | 'trace'>,
  decision: Decision,
  { request, call, view }: { readonly request: AssignRequest; readonly call: PlacementCall; readonly view: FleetView },
): DecisionLine {
  const { expected, strategy, require, prefer } = request;
  const placed = call.requests[decision.request];
  const tiers = placed?.op === 'assign' ? placed.tiers : undefined;
  const places = new Map(decision.candidates.map(({ position }, place) => [position, place]));
  const idOf = (position: number) => call.candidates[position]?.instance.id ?? '';
  return {
    kind: 'decision',
    ...head,
    at_ms: decision.atMs,
    game_id: request.gameId,
    level: request.level,
    ...(expected && { expected: toExpected(expected) }),
    ...(strategy && { strategy }),
    ...(require && { require: Object.fromEntries(require) }),
    ...(prefer && { prefer: Object.fromEntries(prefer) }),
    ...(view.degraded.length > 0 && { degraded: view.degraded }),
    ...(decision.moves && { moved: true }),
    ...toDecidedFields(decision, call.candidates),
    seen: call.candidates.length,
    averages: JSON.parse(decision.service),
    whole: JSON.parse(decision.whole),
    candidates: decision.candidates.map(({ position, state }) => ({ id: idOf(position), state: JSON.parse(state) })),
    ...(tiers && {
      tiers: tiers.map((tier) => tier.map((position) => places.get(position)).filter((place) => place !== undefined)),
    }),
  };
}

/** @param candidates those of the call */
export function toDecidedFields(decision: Decision, candidates: PlacementCall['candidates']): DecidedFields {
  const { refusal, winner, runnerUp } = decision;
  const idOf = (position: number) => candidates[position]?.instance.id ?? '';
  const [winnerScore = 0, runnerUpScore = 0]: number[] = JSON.parse(decision.scores);
  return {
    outcome: refusal ?? 'placed',
    ...(winner !== undefined && { winner: idOf(winner), winner_score: winnerScore }),
    ...(runnerUp !== undefined && { runner_up: idOf(runnerUp), runner_up_score: runnerUpScore }),
  };
}

function toExpected({ cpuCores, memoryBytes, exact }: NonNullable<AssignRequest['expected']>) {
  return {
    ...(cpuCores !== undefined && { cpu_cores: cpuCores }),
    ...(memoryBytes !== undefined && { memory_bytes: memoryBytes }),
    exact,
  };
}
