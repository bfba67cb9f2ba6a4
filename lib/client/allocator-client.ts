import type { Op } from '../api/op.ts';
import type { FailureReply, SuccessReplies } from '../api/outcomes.ts';
import type { AssignSettings } from './assign-settings.ts';

/**
 * A failure, as the allocator replied it. Where none of its replies came (nobody listens, no answer in time, something
 * else answered) the client makes the failure, so that a caller has one thing to handle: with the code that the
 * allocator has for the same, `upstream_unavailable` or `deadline_exceeded`, and with `cause`.
 */
export interface Failure extends FailureReply {
  /** Only in failures that the client made: the error that it met, or one that says what answered. */
  readonly cause?: Error;
}

/** What an operation came to; `success` tells which. */
export type Answer<O extends Op> = SuccessReplies[O] | Failure;

export interface ClientOptions {
  /** How long a call may take, ms, 100 to 10,000; default 500. The allocator is told, and replies within that. */
  readonly timeoutMs?: number;
  /**
   * Whether to ask a second time, once, where that can help and there is time left for it; default true. It never makes
   * a call longer than its timeout, and asking twice for a game gives one server.
   */
  readonly retry?: boolean;
}

export interface CallOptions extends ClientOptions {
  /** A W3C traceparent, which comes back in the allocator's logs and at whatever it asks. */
  readonly traceparent?: string;
}

/**
 * What a game backend can ask for. Every call resolves, inside its timeout, also when there is no network; only a
 * `timeoutMs` out of range rejects (RangeError). A `game_id` has 1 to 128 characters, none of them white space.
 */
export interface AllocatorClient {
  /** A server for the game: the same one whoever asks again and however often. */
  assign(gameId: string, settings?: AssignSettings, options?: CallOptions): Promise<Answer<'assign'>>;
  /** Where the game runs; `not_found` where it is not assigned. */
  lookup(gameId: string, options?: CallOptions): Promise<Answer<'lookup'>>;
  /** Keeps the game's record and its place longer. */
  renew(gameId: string, options?: CallOptions): Promise<Answer<'renew'>>;
  /** The game is over. Twice, or for a game that nobody knows, is a success too. */
  release(gameId: string, options?: CallOptions): Promise<Answer<'release'>>;
  /** A server for something that is no game. */
  instance(request?: { readonly resource_type?: 'cpu' | 'ram' }, options?: CallOptions): Promise<Answer<'instance'>>;
  /** All servers whose checks pass. */
  instances(options?: CallOptions): Promise<Answer<'instances'>>;
  /** Load, games and health of every server. */
  fleet(options?: CallOptions): Promise<Answer<'fleet'>>;
  /** Where `assign` would put the game now, and why; nothing is written. */
  explain(gameId: string, settings?: AssignSettings, options?: CallOptions): Promise<Answer<'explain'>>;
}
