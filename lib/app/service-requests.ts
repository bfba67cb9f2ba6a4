import type { Selectors } from '../domain/candidate-choice.ts';
import type { DegradedSource, FleetView, Instance } from '../domain/fleet.ts';
import { healthyOf, indexOf } from '../domain/fleet-index.ts';
import type { AssignmentExplanation, FleetReport } from './insight-results.ts';
import type { ChoiceRequest, GameRequest, PlacementRequest, PlacementResult } from './placement.ts';

/** What can be asked of a service. */
export type ServiceRequest = AssignRequest | GameRequest | ChoiceRequest | ListRequest | InsightRequest;

/** A game that somebody asks to assign. */
export interface AssignRequest extends Omit<PlacementRequest, 'tiers'>, Selectors {}

/** Who is healthy. */
export interface ListRequest {
  readonly op: 'list';
  /** When its answer is of no more use, ms since 1970 by our clock. */
  readonly deadlineMs: number;
}

/** What people ask who look into the allocator; nothing is written for it. */
export type InsightRequest = ReportRequest | ExplainRequest;

/** How the fleet is, instance by instance. */
export interface ReportRequest {
  readonly op: 'report';
  /** When its answer is of no more use, ms since 1970 by our clock. */
  readonly deadlineMs: number;
}

/** What assigning this game would come to, and why. */
export interface ExplainRequest extends Omit<AssignRequest, 'op'> {
  readonly op: 'explain';
}

/** What became of a request. */
export type Outcome =
  /** assign */
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
  /** lookup, renew; `expiresInS`: whole seconds that its record has left, undefined where it never expires */
  | { readonly kind: 'found'; readonly instanceId: string; readonly expiresInS: number | undefined }
  /** release, also of a game that was not there */
  | { readonly kind: 'released' }
  /** choose */
  | { readonly kind: 'chosen'; readonly instance: Instance; readonly degraded: readonly DegradedSource[] }
  /** list */
  | {
      readonly kind: 'listed';
      readonly instances: readonly Instance[];
      readonly degraded: readonly DegradedSource[];
    }
  /** report */
  | { readonly kind: 'reported'; readonly report: FleetReport }
  /** explain */
  | { readonly kind: 'explained'; readonly explanation: AssignmentExplanation }
  | { readonly kind: OutcomeFailure };

/**
 * `no_match`: there are instances that take games, and none of them is what the request requires.
 * `not_found`: no game with that id has a record.
 */
export type OutcomeFailure =
  | 'conflict'
  | 'not_found'
  | 'no_instance'
  | 'no_match'
  | 'no_capacity'
  | 'too_many_games'
  | 'upstream_unavailable'
  | 'deadline_exceeded';

/** What a placement call came to for one request. */
export type CallResult = PlacementResult | { readonly kind: 'upstream_unavailable' | 'deadline_exceeded' };

/** @param unmatched no instance of the view is what the request requires */
export function toOutcome(result: CallResult, view: FleetView | undefined, unmatched: boolean): Outcome {
  const degraded = view?.degraded ?? ['consul'];
  switch (result.kind) {
    case 'placed':
    case 'recorded':
      return {
        kind: 'assigned',
        instanceId: result.instanceId,
        port: view && indexOf(view.list).byId.get(result.instanceId)?.port,
        replayed: result.kind === 'recorded' && !result.sameAttempt,
        reassigned: result.reassigned,
        degraded,
      };
    case 'chosen':
      return { kind: 'chosen', instance: result.instance, degraded };
    case 'found':
      return { kind: 'found', instanceId: result.instanceId, expiresInS: result.expiresInS };
    case 'unknown':
      return { kind: 'released' };
    case 'foreign_record':
      return { kind: 'conflict' };
    case 'no_candidate':
      // Without a view nobody could say who is there; with one, nobody is fit to take games.
      if (view === undefined) return { kind: 'upstream_unavailable' };
      return { kind: unmatched ? 'no_match' : 'no_instance' };
    case 'late':
      return { kind: 'deadline_exceeded' };
    default:
      return { kind: result.kind };
  }
}

export function listOf(view: FleetView | undefined): Outcome {
  if (view === undefined) return { kind: 'upstream_unavailable' };
  return { kind: 'listed', instances: healthyOf(view.list), degraded: view.degraded };
}
