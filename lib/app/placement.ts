import type { Instance, Sample } from '../domain/fleet.ts';

/** What a game mostly needs: `low` weighs CPU, `high` weighs RAM. */
export type ResourceLevel = 'low' | 'high';

/** An instance that may get the game, as the view saw it. */
export interface Candidate {
  readonly instance: Instance;
  /** Its load in the view's metrics answer, where that had all of it. */
  readonly sample: Sample | undefined;
}

export interface PlacementRequest {
  readonly gameId: string;
  readonly level: ResourceLevel;
  /** The same for a retry and a hedge of one caller's message: they are not told that it was replayed. */
  readonly attempt: string;
  /** After this nothing may be written for it, ms since 1970 by our clock. */
  readonly deadlineMs: number;
}

export interface PlacementCall {
  readonly candidates: readonly Candidate[];
  /** Time of the newest sample in the metrics answer that the candidates' samples come from, seconds since 1970. */
  readonly newestSampleS: number | undefined;
  readonly requests: readonly PlacementRequest[];
}

/**
 * What became of one request:
 * - `placed`: recorded now, on `instanceId`
 * - `recorded`: an earlier request had recorded `instanceId` (the same attempt: this is its retry)
 * - `foreign_record`: its key holds something that names no instance; left alone
 * - `no_candidate`: nothing to choose from
 * - `late`: its deadline had passed, so nothing was written
 */
export type PlacementResult =
  | { readonly kind: 'placed'; readonly instanceId: string }
  | { readonly kind: 'recorded'; readonly instanceId: string; readonly sameAttempt: boolean }
  | { readonly kind: 'foreign_record' }
  | { readonly kind: 'no_candidate' }
  | { readonly kind: 'late' };

/** Replays, decides and records, all requests of a call in one atomic round trip. Throws only UpstreamError. */
export interface Placement {
  place(call: PlacementCall, signal: AbortSignal): Promise<readonly PlacementResult[]>;
}
