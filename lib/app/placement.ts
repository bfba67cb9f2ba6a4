import type { Instance, Sample } from '../domain/fleet.ts';

/** What a game mostly needs: `low` weighs CPU, `high` weighs RAM. */
export type ResourceLevel = 'low' | 'high';

/** `spread`: the least utilised. `pack`: the most utilised that has room to spare, so that others stay empty. */
export type Strategy = 'spread' | 'pack';

/** An instance that may get the game, as the view saw it. */
export interface Candidate {
  readonly instance: Instance;
  /** Its load in the view's metrics answer, where that had all of it. */
  readonly sample: Sample | undefined;
}

/** What one game is expected to use, where its caller knows. */
export interface ExpectedUse {
  /** Cores, above 0. */
  readonly cpuCores?: number;
  /** Bytes, above 0. */
  readonly memoryBytes?: number;
  /** It will not be more than that: it is then taken as it is, and not doubled to be on the safe side. */
  readonly exact: boolean;
}

/** A game that is to have an instance. */
export interface PlacementRequest {
  readonly op: 'assign';
  readonly gameId: string;
  readonly level: ResourceLevel;
  /** The same for a retry and a hedge of one caller's message: they are not told that it was replayed. */
  readonly attempt: string;
  /** After this nothing may be written for it, ms since 1970 by our clock. */
  readonly deadlineMs: number;
  readonly expected?: ExpectedUse;
  /** Absent: the configured one. */
  readonly strategy?: Strategy;
  /**
   * The candidates that may have it, by their position in the call: groups in order of preference, of which a later
   * one is looked at when every instance of those before it is full. Absent: all candidates, in one group.
   */
  readonly tiers?: readonly (readonly number[])[];
}

/**
 * What is asked of a game that has one: `lookup` writes nothing, `renew` gives its record and its place their whole time
 * again and never less than they have, `release` ends it, and what it held is free at once.
 */
export interface GameRequest {
  readonly op: 'lookup' | 'renew' | 'release';
  readonly gameId: string;
  /** After this nothing may be written for it, ms since 1970 by our clock. */
  readonly deadlineMs: number;
}

/** An instance for what is no game: it is counted as one until samples show it, has no record and needs no place. */
export interface ChoiceRequest {
  readonly op: 'choose';
  readonly level: ResourceLevel;
  /** After this nothing may be written for it, ms since 1970 by our clock. */
  readonly deadlineMs: number;
}

/** What a view that is not degraded says of instances that are, or were, in doubt. */
export interface Presence {
  /** When Consul was asked for the view's list, ms since 1970 by our clock. */
  readonly atMs: number;
  /** Instances that fail their checks, or were listed once and no longer are. */
  readonly gone: readonly string[];
  /** Instances of `PlacementAnswer.marked` that are listed and do not fail their checks. */
  readonly back: readonly string[];
}

export interface PlacementCall {
  readonly candidates: readonly Candidate[];
  /** Time of the newest sample in the metrics answer that the candidates' samples come from, seconds since 1970. */
  readonly newestSampleS: number | undefined;
  readonly requests: readonly (PlacementRequest | GameRequest | ChoiceRequest)[];
  /** Absent where the view is degraded: it then says nothing of who is gone. */
  readonly presence?: Presence;
  /** Positions of the assign requests of which the answer is to tell how they were decided: it costs some. */
  readonly tell?: readonly number[];
}

/**
 * What became of one request:
 * - `placed`: recorded now, on `instanceId`; `reassigned`: its earlier instance is gone
 * - `recorded`: an earlier request had recorded `instanceId` (the same attempt: this is its retry)
 * - `chosen`: `instance`, for what is no game
 * - `found`: the game is on `instanceId`, for `expiresInS` more seconds, rounded up (absent: for ever)
 * - `not_found`: the game has no record
 * - `released`: its record and its place are gone
 * - `unknown`: no game of ours has that id to be released; nothing was changed
 * - `foreign_record`: its key holds something that names no instance; left alone
 * - `no_candidate`: nothing to choose from
 * - `no_capacity`: every candidate that it may have is full
 * - `too_many_games`: the service has as many games as it may have
 * - `late`: its deadline had passed, so nothing was written
 */
export type PlacementResult =
  | { readonly kind: 'placed'; readonly instanceId: string; readonly reassigned: boolean }
  | {
      readonly kind: 'recorded';
      readonly instanceId: string;
      readonly sameAttempt: boolean;
      readonly reassigned: boolean;
    }
  | { readonly kind: 'chosen'; readonly instance: Instance }
  | { readonly kind: 'found'; readonly instanceId: string; readonly expiresInS?: number }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'released' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'foreign_record' }
  | { readonly kind: 'no_candidate' }
  | { readonly kind: 'no_capacity' }
  | { readonly kind: 'too_many_games' }
  | { readonly kind: 'late' };

export interface PlacementAnswer {
  /** One per request, in order. */
  readonly results: readonly PlacementResult[];
  /** Instances that views have reported gone, and that are not known to be back. Usually empty. */
  readonly marked: readonly string[];
  /** How requests of the call's `tell` were decided. None of those for which nothing had to be chosen. */
  readonly decisions?: readonly Decision[];
}

/**
 * How an instance was sought for one request, and what this depended on besides the call, as it was just before. The
 * texts are JSON with all digits that there are: the same numbers lead to the same decision.
 */
export interface Decision {
  /** Position of the request in the call. */
  readonly request: number;
  /** By Redis's clock, ms since 1970. */
  readonly atMs: number;
  /** It had an instance, which is gone. */
  readonly moves: boolean;
  /** Why no candidate got it; absent where `winner` did. */
  readonly refusal?: Refusal;
  /** Who got it, and who would have got it without the winner, by their positions among the call's candidates. */
  readonly winner?: number;
  readonly runnerUp?: number;
  /** [the winner's, the runner-up's], each false where there is none. */
  readonly scores: string;
  /** The service's averages. */
  readonly service: string;
  /** What was made of all candidates: [sampled, sessions, ended, median or false, 90th percentile or false]. */
  readonly whole: string;
  /** The candidates that tell most, at most 32. */
  readonly candidates: readonly { readonly position: number; readonly state: string }[];
}

export type Refusal = 'no_candidate' | 'no_capacity' | 'too_many_games';

/** Why a candidate was not to be had, or how it was judged. */
export type CandidateState = 'sampled' | 'dark' | 'full' | 'not_selected';

/** A candidate as the decision saw it. */
export interface CandidateExplanation {
  readonly instanceId: string;
  readonly state: CandidateState;
  /** Expected utilisation with the game, weighed; the least is chosen (by `spread`). Absent where it was not scored. */
  readonly score?: number;
  /** Expected use with the game, as shares of its CPU and its RAM. */
  readonly cpu: number;
  readonly ram: number;
  /** The same without it. */
  readonly cpuNow: number;
  readonly ramNow: number;
  /** Games placed here that its newest sample does not fully show, in games' worth of CPU and of RAM. */
  readonly cpuPending: number;
  readonly ramPending: number;
  /** Games on it that hold a place. */
  readonly games: number;
  /** Age of its newest sample, s; absent: it never had one. */
  readonly sampleAgeS?: number;
  /** Games placed here in each of the last RECENT_BUCKETS times RECENT_BUCKET_S, the newest first. */
  readonly recent: readonly number[];
}

export const RECENT_BUCKETS = 10;
export const RECENT_BUCKET_S = 30;

export interface Explanation {
  /** What the same request would have got. */
  readonly result: PlacementResult;
  readonly candidates: readonly CandidateExplanation[];
  /** What one game is expected to use now, as learned: cores and bytes. */
  readonly gameCpuCores: number;
  readonly gameMemoryBytes: number;
  /** Start of the newest of the times of `recent`, s since 1970 by Redis's clock. */
  readonly recentAtS: number;
}

/** Replays, decides and records, all requests of a call in their order in one atomic round trip. Throws only UpstreamError. */
export interface Placement {
  place(call: PlacementCall, signal: AbortSignal): Promise<PlacementAnswer>;
  /** Decides the one request of the call, an `assign` or a `choose`, and writes nothing; with every candidate's figures. */
  explain(call: PlacementCall, signal: AbortSignal): Promise<Explanation>;
}
