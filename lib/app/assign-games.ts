import { type CandidateChoice, createCandidateChooser, type Selectors } from '../domain/candidate-choice.ts';
import type { DegradedSource, FleetView } from '../domain/fleet.ts';
import { indexOf, newestSampleS } from '../domain/fleet-index.ts';
import { createPresenceReports } from '../domain/presence-reports.ts';
import type { FleetViews } from './fleet-views.ts';
import type { Candidate, Placement, PlacementRequest, PlacementResult, Presence } from './placement.ts';
import type { Clock, Log } from './ports.ts';
import { UpstreamError } from './upstream-error.ts';

/** The longest that a reply waits for a refresh of the view that runs beside it, ms. */
const REFRESH_WAIT_MS = 50;
/** With less time than this, ms, nothing is asked again: cut off, it would make a known outcome an unknown one. */
const LEAST_TO_ASK_AGAIN_MS = 50;

/** A game that somebody asks to assign. */
export interface GameRequest extends Omit<PlacementRequest, 'tiers'>, Selectors {}

/** What became of it. */
export type Assignment =
  | {
      readonly kind: 'assigned';
      readonly instanceId: string;
      readonly port: number | undefined;
      /** An earlier request had assigned it, and not an earlier try of this one. */
      readonly replayed: boolean;
      /** The instance that it had before is gone. */
      readonly reassigned: boolean;
      readonly degraded: readonly DegradedSource[];
    }
  | { readonly kind: AssignmentFailure };

/** `no_match`: there are instances that take games, and none of them is what the request requires. */
type AssignmentFailure =
  | 'conflict'
  | 'no_instance'
  | 'no_match'
  | 'no_capacity'
  | 'upstream_unavailable'
  | 'deadline_exceeded';

export interface AssignGamesOptions {
  readonly views: FleetViews;
  readonly placement: Placement;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Whether games are moved from instances that are gone. */
  readonly reassigns: boolean;
}

/**
 * Assigns up to 64 games in one placement call, and where that could not tell, in a second one; the result has one
 * entry per request, in order. Never throws. `signal`: nobody waits for the result any more.
 */
export type AssignGames = (requests: readonly GameRequest[], signal: AbortSignal) => Promise<readonly Assignment[]>;

/** What a call came to for one request. */
type Outcome = PlacementResult | { readonly kind: 'upstream_unavailable' | 'deadline_exceeded' };

export function createAssignGames(options: AssignGamesOptions): AssignGames {
  const { views, placement, clock, log, reassigns } = options;
  const chooser = createCandidateChooser(options.random);
  const reports = createPresenceReports();

  async function place(
    requests: readonly GameRequest[],
    view: FleetView | undefined,
    signal: AbortSignal,
  ): Promise<readonly Assignment[]> {
    const eligible = view === undefined ? [] : indexOf(view.list).eligible;
    const choice = chooser.some(eligible, requests);
    const presence = reassigns ? reports.of(view) : undefined;
    const first = await ask({ requests, choice, view, presence }, signal);

    const unreported = first.map((outcome) => (reassigns ? unreportedInstance(outcome, view, presence) : undefined));
    const asked = unreported.filter((id) => id !== undefined);
    for (const id of asked) {
      views.noteAbsent(id);
      reports.askedAbout(id);
    }

    const refusedBySome = first.map(({ kind }, index) => kind === 'no_capacity' && choice.requests[index]?.partial);
    const again = requests.flatMap((request, index) => {
      const worthIt = unreported[index] !== undefined || refusedBySome[index];
      return worthIt && request.deadlineMs - clock() >= LEAST_TO_ASK_AGAIN_MS ? [{ request, index }] : [];
    });
    const outcomes = [...first];
    if (again.length > 0) {
      const repeated = again.map(({ request }) => request);
      // A part of the fleet may never refuse.
      const among = again.some(({ index }) => refusedBySome[index]) ? chooser.all : chooser.some;
      const report = reassigns ? reports.of(view, asked) : undefined;
      const second = await ask(
        { requests: repeated, choice: among(eligible, repeated), view, presence: report },
        signal,
      );
      for (const [position, { index }] of again.entries()) {
        const outcome = second[position];
        // Where the second call has surely done nothing, the first one's answer stands.
        if (outcome !== undefined && outcome.kind !== 'upstream_unavailable') outcomes[index] = outcome;
      }
    }
    return outcomes.map((outcome, index) => toAssignment(outcome, view, choice.requests[index]?.unmatched === true));
  }

  async function ask({ requests, choice, view, presence }: Question, signal: AbortSignal): Promise<readonly Outcome[]> {
    const candidates = choice.instances.map(
      (instance): Candidate => ({ instance, sample: view?.load.samples.get(instance.id) }),
    );
    const call = {
      candidates,
      newestSampleS: view && newestSampleS(view.load),
      requests: requests.map((request, index) => toPlacementRequest(request, choice.requests[index]?.tiers)),
      ...(presence && { presence }),
    };
    try {
      const { results, marked } = await placement.place(call, signal);
      reports.marked(marked);
      return results;
    } catch (error) {
      const unreached = error instanceof UpstreamError && error.outcome === 'none';
      const kind = unreached ? 'upstream_unavailable' : 'deadline_exceeded';
      log.warning('placement_failed', { requests: requests.length, outcome: kind }, error);
      return requests.map(() => ({ kind }));
    }
  }

  return async (requests, signal) => {
    const deadlineMs = Math.max(...requests.map((request) => request.deadlineMs));
    const { view, release } = await views.open(deadlineMs - clock());
    // Redis checks the deadlines too, but not before its clock is known.
    const timely = requests.filter((request) => request.deadlineMs - clock() >= 1);
    // All the time that is left, which is at least what the view left for it: cut off earlier, a slow but sound answer
    // would be given up for nothing.
    const limit = AbortSignal.any([signal, AbortSignal.timeout(Math.max(0, Math.ceil(deadlineMs - clock())))]);
    const placed = timely.length === 0 ? [] : await place(timely, view, limit);
    await release(Math.max(0, Math.min(REFRESH_WAIT_MS, deadlineMs - clock())));
    const results = new Map(timely.map((request, index) => [request, placed[index]]));
    return requests.map((request) => results.get(request) ?? { kind: 'deadline_exceeded' });
  };
}

/** One placement call. */
interface Question {
  readonly requests: readonly GameRequest[];
  readonly choice: CandidateChoice;
  readonly view: FleetView | undefined;
  readonly presence: Presence | undefined;
}

function toPlacementRequest(request: GameRequest, tiers: PlacementRequest['tiers']): PlacementRequest {
  if (tiers === undefined) return request;
  const { require, prefer, ...rest } = request;
  return { ...rest, tiers };
}

/** The instance that a game is recorded on, where that is gone and the call did not say so. */
function unreportedInstance(
  outcome: Outcome,
  view: FleetView | undefined,
  presence: Presence | undefined,
): string | undefined {
  if (outcome.kind !== 'recorded' || view?.absence === undefined) return undefined;
  const { instanceId } = outcome;
  const listed = indexOf(view.list).byId.get(instanceId);
  const isGone = listed === undefined || listed.status === 'gone';
  return isGone && !presence?.gone.includes(instanceId) ? instanceId : undefined;
}

function toAssignment(outcome: Outcome, view: FleetView | undefined, unmatched: boolean): Assignment {
  switch (outcome.kind) {
    case 'placed':
    case 'recorded':
      return {
        kind: 'assigned',
        instanceId: outcome.instanceId,
        port: view && indexOf(view.list).byId.get(outcome.instanceId)?.port,
        replayed: outcome.kind === 'recorded' && !outcome.sameAttempt,
        reassigned: outcome.reassigned,
        degraded: view?.degraded ?? ['consul'],
      };
    case 'foreign_record':
      return { kind: 'conflict' };
    case 'no_candidate':
      // Without a view nobody could say who is there; with one, nobody is fit to take games.
      if (view === undefined) return { kind: 'upstream_unavailable' };
      return { kind: unmatched ? 'no_match' : 'no_instance' };
    case 'late':
      return { kind: 'deadline_exceeded' };
    case 'no_capacity':
    case 'upstream_unavailable':
    case 'deadline_exceeded':
      return { kind: outcome.kind };
  }
}
