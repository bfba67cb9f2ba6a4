import { createCandidateWalk } from '../domain/candidate-walk.ts';
import type { DegradedSource, FleetView } from '../domain/fleet.ts';
import type { FleetViews } from './fleet-views.ts';
import type { Candidate, Placement, PlacementRequest, PlacementResult } from './placement.ts';
import type { Clock, Log } from './ports.ts';
import { UpstreamError } from './upstream-error.ts';

/** The longest that a reply waits for a refresh of the view that runs beside it, ms. */
const REFRESH_WAIT_MS = 50;

/** What became of a game that somebody asked to assign. */
export type Assignment =
  | {
      readonly kind: 'assigned';
      readonly instanceId: string;
      readonly port: number | undefined;
      /** An earlier request had assigned it, and not an earlier try of this one. */
      readonly replayed: boolean;
      readonly degraded: readonly DegradedSource[];
    }
  | {
      readonly kind: 'conflict' | 'no_instance' | 'upstream_unavailable' | 'deadline_exceeded';
    };

export interface AssignGamesOptions {
  readonly views: FleetViews;
  readonly placement: Placement;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
}

/**
 * Assigns up to 64 games in one placement call; the result has one entry per request, in order. Never throws.
 * `signal`: nobody waits for the result any more.
 */
export type AssignGames = (
  requests: readonly PlacementRequest[],
  signal: AbortSignal,
) => Promise<readonly Assignment[]>;

export function createAssignGames(options: AssignGamesOptions): AssignGames {
  const { views, placement, clock, log } = options;
  const walk = createCandidateWalk(options.random);

  async function place(
    requests: readonly PlacementRequest[],
    view: FleetView | undefined,
    signal: AbortSignal,
  ): Promise<readonly Assignment[]> {
    const eligible = view?.list.instances.filter(({ status }) => status === 'eligible') ?? [];
    const candidates = walk(eligible, requests.length).map(
      (instance): Candidate => ({ instance, sample: view?.load.samples.get(instance.id) }),
    );
    try {
      const results = await placement.place({ candidates, newestSampleS: newestSampleS(view), requests }, signal);
      return results.map((result) => toAssignment(result, view));
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

function newestSampleS(view: FleetView | undefined): number | undefined {
  let newest: number | undefined;
  for (const { atS } of view?.load.samples.values() ?? []) {
    if (newest === undefined || atS > newest) newest = atS;
  }
  return newest;
}

function toAssignment(result: PlacementResult, view: FleetView | undefined): Assignment {
  switch (result.kind) {
    case 'placed':
    case 'recorded':
      return {
        kind: 'assigned',
        instanceId: result.instanceId,
        port: view?.list.instances.find(({ id }) => id === result.instanceId)?.port,
        replayed: result.kind === 'recorded' && !result.sameAttempt,
        degraded: view?.degraded ?? ['consul'],
      };
    case 'foreign_record':
      return { kind: 'conflict' };
    case 'no_candidate':
      // Without a view nobody could say who is there; with one, nobody is fit to take games.
      return { kind: view === undefined ? 'upstream_unavailable' : 'no_instance' };
    case 'late':
      return { kind: 'deadline_exceeded' };
  }
}
