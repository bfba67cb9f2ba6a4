import {
  type CandidateChoice,
  createCandidateChooser,
  type RequestChoice,
  type Selectors,
} from '../domain/candidate-choice.ts';
import type { FleetView, Instance } from '../domain/fleet.ts';
import { indexOf, newestSampleS } from '../domain/fleet-index.ts';
import { createPresenceReports } from '../domain/presence-reports.ts';
import type { DecisionLog } from './decision-log.ts';
import type { FleetViews, OpenView } from './fleet-views.ts';
import type { InsightCall, ServeInsight } from './insight-call.ts';
import type { Candidate, ChoiceRequest, GameRequest, Placement, PlacementCall, Presence } from './placement.ts';
import type { Clock, Log } from './ports.ts';
import {
  type AssignRequest,
  type CallResult,
  type InsightRequest,
  listOf,
  type Outcome,
  type ServiceRequest,
  toOutcome,
} from './service-requests.ts';
import { unreportedInstance } from './unreported-instance.ts';
import { UpstreamError } from './upstream-error.ts';

/** The longest that a reply waits for a refresh of the view that runs beside it, ms. */
const REFRESH_WAIT_MS = 50;
/** With less time than this, ms, nothing is asked again: cut off, it would make a known outcome an unknown one. */
const LEAST_TO_ASK_AGAIN_MS = 50;

export interface ServeRequestsOptions {
  readonly views: FleetViews;
  readonly placement: Placement;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Whether games are moved from instances that are gone. */
  readonly reassigns: boolean;
  /** Absent: no decision is logged. */
  readonly decisionLog?: DecisionLog | undefined;
  readonly insight: ServeInsight;
}

/**
 * Carries out up to 64 requests to one service as if they had come one after another, in one placement call, and where
 * that could not tell, in a second one; the result has one entry per request, in order. Never throws. `signal`: nobody
 * waits for the result any more.
 */
export type ServeRequests = (requests: readonly ServiceRequest[], signal: AbortSignal) => Promise<readonly Outcome[]>;

/** What a placement call is made for. */
type PlaceRequest = AssignRequest | GameRequest | ChoiceRequest;

export function createServeRequests(options: ServeRequestsOptions): ServeRequests {
  const { views, placement, clock, log, reassigns, decisionLog, insight } = options;
  const chooser = createCandidateChooser(options.random);
  const reports = createPresenceReports();

  async function place(
    requests: readonly PlaceRequest[],
    view: FleetView | undefined,
    signal: AbortSignal,
  ): Promise<readonly Outcome[]> {
    const eligible = view === undefined ? [] : indexOf(view.list).eligible;
    const chosen = chooseCandidates(chooser.some, eligible, requests);
    const presence = reassigns ? reports.of(view) : undefined;
    const first = await ask({ requests, chosen, view, presence }, signal);

    const unreported = first.map((result) => (reassigns ? unreportedInstance(result, view, presence) : undefined));
    const asked = unreported.filter((id) => id !== undefined);
    for (const id of asked) {
      views.noteAbsent(id);
      reports.askedAbout(id);
    }

    const refusedBySome = first.map(
      ({ kind }, index) => kind === 'no_capacity' && chosen.choices[index]?.partial === true,
    );
    const again = askedAgain(requests, (request, index) => {
      const worthIt = unreported[index] !== undefined || refusedBySome[index] === true;
      return worthIt && request.deadlineMs - clock() >= LEAST_TO_ASK_AGAIN_MS;
    });
    const results = [...first];
    if (again.length > 0) {
      const repeated = again.map(({ request }) => request);
      // A part of the fleet may never refuse.
      const among = again.some(({ index }) => refusedBySome[index]) ? chooser.all : chooser.some;
      const report = reassigns ? reports.of(view, asked) : undefined;
      const second = await ask(
        { requests: repeated, chosen: chooseCandidates(among, eligible, repeated), view, presence: report },
        signal,
      );
      for (const [position, { index }] of again.entries()) {
        const result = second[position];
        // Where the second call has surely done nothing, the first one's answer stands.
        if (result !== undefined && result.kind !== 'upstream_unavailable') results[index] = result;
      }
    }
    return results.map((result, index) => toOutcome(result, view, chosen.choices[index]?.unmatched === true));
  }

  async function ask({ requests, chosen, view, presence }: Question, signal: AbortSignal) {
    const candidates = chosen.instances.map(
      (instance): Candidate => ({ instance, sample: view?.load.samples.get(instance.id) }),
    );
    const tell = decisionLog?.pick(requests);
    const call = {
      candidates,
      newestSampleS: view && newestSampleS(view.load),
      requests: requests.map((request, index) => toPlacementRequest(request, chosen.choices[index])),
      ...(presence && { presence }),
      ...(tell && { tell }),
    };
    try {
      const { results, marked, decisions } = await placement.place(call, signal);
      reports.marked(marked);
      if (decisions && view) decisionLog?.write({ requests, call, view, decisions });
      return results;
    } catch (error) {
      const unreached = error instanceof UpstreamError && error.outcome === 'none';
      const kind = unreached ? 'upstream_unavailable' : 'deadline_exceeded';
      log.warning('placement_failed', { requests: requests.length, outcome: kind }, error);
      return requests.map((): CallResult => ({ kind }));
    }
  }

  function presenceOf(view: FleetView | undefined): InsightCall['presence'] {
    return (alsoGone) => (reassigns ? reports.of(view, alsoGone) : undefined);
  }

  return async (requests, signal) => {
    const deadlineMs = Math.max(...requests.map((request) => request.deadlineMs));
    // People see what is so now; a game is placed by what is known already.
    const opened = requests.some(needsView)
      ? await views.open(deadlineMs - clock(), requests.every(isInsight))
      : NO_VIEW;
    const { view, release } = opened;
    // Redis checks the deadlines too, but not before its clock is known.
    const timely = requests.filter((request) => request.deadlineMs - clock() >= 1);
    // All the time that is left, which is at least what the view left for it: cut off earlier, a slow but sound answer
    // would be given up for nothing.
    const limit = AbortSignal.any([signal, AbortSignal.timeout(Math.max(0, Math.ceil(deadlineMs - clock())))]);
    const outcomes = new Map<ServiceRequest, Outcome>();
    const toPlace: PlaceRequest[] = [];
    const looks: Promise<void>[] = [];
    for (const request of timely) {
      if (request.op === 'list') outcomes.set(request, listOf(view));
      else if (isInsight(request))
        looks.push(
          insight(request, { opened, presence: presenceOf(view), signal: limit }).then(
            (outcome) => void outcomes.set(request, outcome),
          ),
        );
      else toPlace.push(request);
    }
    const placed = toPlace.length === 0 ? [] : await place(toPlace, view, limit);
    await Promise.all(looks);
    for (const [index, outcome] of placed.entries()) {
      const request = toPlace[index];
      if (request !== undefined) outcomes.set(request, outcome);
    }
    await release(Math.max(0, Math.min(REFRESH_WAIT_MS, deadlineMs - clock())));
    return requests.map((request) => outcomes.get(request) ?? { kind: 'deadline_exceeded' });
  };
}

const NO_VIEW: OpenView = {
  view: undefined,
  sources: { consul: { state: 'ok' }, prometheus: { state: 'ok' } },
  release: () => Promise.resolve(),
};

/** What is asked of a game that has an instance already is answered when nothing is known of the fleet. */
function needsView(request: ServiceRequest): boolean {
  const { op } = request;
  return op === 'assign' || op === 'choose' || op === 'list' || isInsight(request);
}

function isInsight(request: ServiceRequest): request is InsightRequest {
  return request.op === 'report' || request.op === 'explain';
}

/** The candidates of a call, and what each of its requests may have of them: undefined where it needs none. */
interface Candidates {
  readonly instances: readonly Instance[];
  readonly choices: readonly (RequestChoice | undefined)[];
}

function chooseCandidates(
  choose: (eligible: readonly Instance[], requests: readonly Selectors[]) => CandidateChoice,
  eligible: readonly Instance[],
  requests: readonly PlaceRequest[],
): Candidates {
  const choosing = requests.filter(needsView);
  if (choosing.length === 0) return { instances: [], choices: [] };
  const choice = choose(
    eligible,
    choosing.map((request) => (request.op === 'assign' ? request : {})),
  );
  const byRequest = new Map(choosing.map((request, index) => [request, choice.requests[index]]));
  return { instances: choice.instances, choices: requests.map((request) => byRequest.get(request)) };
}

/** One placement call. */
interface Question {
  readonly requests: readonly PlaceRequest[];
  readonly chosen: Candidates;
  readonly view: FleetView | undefined;
  readonly presence: Presence | undefined;
}

/** What to ask again: where it is `worthIt`, and from there on whatever else is asked of that game, in the same order. */
function askedAgain(requests: readonly PlaceRequest[], worthIt: (request: PlaceRequest, index: number) => boolean) {
  const games = new Set<string>();
  return requests.flatMap((request, index) => {
    if (request.op === 'choose' || !(games.has(request.gameId) || worthIt(request, index))) return [];
    games.add(request.gameId);
    return [{ request, index }];
  });
}

function toPlacementRequest(
  request: PlaceRequest,
  choice: RequestChoice | undefined,
): PlacementCall['requests'][number] {
  if (request.op !== 'assign' || choice?.tiers === undefined) return request;
  const { require, prefer, ...rest } = request;
  return { ...rest, tiers: choice.tiers };
}
