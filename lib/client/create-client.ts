import type { Op } from '../api/op.ts';
import type { FailureCode } from '../api/outcomes.ts';
import type { AllocatorClient, Answer, CallOptions, ClientOptions } from './allocator-client.ts';

/** What is asked, as it goes over the wire. */
export interface Question {
  readonly op: Op;
  readonly request: { readonly game_id?: string };
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Asks once. Resolves within the question's timeout, whatever happens. */
export type Send = (question: Question) => Promise<Answer<Op>>;

const DEFAULT_TIMEOUT_MS = 500;
/** What `Timeout-Ms` may be. */
const MIN_TIMEOUT_MS = 100;
const MAX_TIMEOUT_MS = 10_000;

/**
 * Failures that a second request may do better than, and how long to wait first, ms. Not among them: no server and no
 * place, which are the same half a second later (see `wait_ms`).
 */
const PAUSES_MS: Partial<Record<FailureCode, number>> = {
  upstream_unavailable: 100,
  deadline_exceeded: 0,
  overloaded: 1000, // as Retry-After says
};

/** The client over the door that `send` is. */
export function createClient(send: Send, defaults: ClientOptions): AllocatorClient {
  async function ask<O extends Op>(op: O, request: object, options: CallOptions = {}): Promise<Answer<O>> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, retry = true, traceparent } = { ...defaults, ...options };
    if (!(timeoutMs >= MIN_TIMEOUT_MS && timeoutMs <= MAX_TIMEOUT_MS)) {
      throw new RangeError(`timeoutMs must be from ${MIN_TIMEOUT_MS} to ${MAX_TIMEOUT_MS}, not ${timeoutMs}.`);
    }
    const endsAt = performance.now() + timeoutMs;

    function once(leftMs: number): Promise<Answer<O>> {
      const whole = Math.floor(leftMs);
      const headers = { 'Timeout-Ms': String(whole), ...(traceparent !== undefined && { traceparent }) };
      return send({ op, request, headers, timeoutMs: whole }) as Promise<Answer<O>>;
    }

    const first = await once(timeoutMs);
    const pauseMs = first.success || !retry ? undefined : PAUSES_MS[first.code];
    if (pauseMs === undefined || endsAt - performance.now() - pauseMs < MIN_TIMEOUT_MS) return first;
    // From half of it on: callers that failed together had better not come back together.
    await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random() / 2)));
    const leftMs = endsAt - performance.now();
    return leftMs < MIN_TIMEOUT_MS ? first : once(leftMs);
  }

  return {
    assign: (game_id, settings, options) => ask('assign', { game_id, settings }, options),
    lookup: (game_id, options) => ask('lookup', { game_id }, options),
    renew: (game_id, options) => ask('renew', { game_id }, options),
    release: (game_id, options) => ask('release', { game_id }, options),
    instance: (request = {}, options) => ask('instance', request, options),
    instances: (options) => ask('instances', {}, options),
    fleet: (options) => ask('fleet', {}, options),
    explain: (game_id, settings, options) => ask('explain', { game_id, settings }, options),
  };
}
