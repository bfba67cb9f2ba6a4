import type { BatchItem } from '../api/batch.ts';
import { UpstreamError, type UpstreamFailure } from '../app/upstream-error.ts';

/** What calls have failed of since the start, by cause; a call that was not needed any more has not failed. */
export type UpstreamFailures = Readonly<Record<Exclude<UpstreamFailure, 'error_reply'>, number>>;

/**
 * What can come of a call: an answer, another status than 200 by its class, or why there was none. `cancelled`: another
 * one was answered first, or it ended for a defect of ours.
 */
export const ATTEMPT_RESULTS = [
  'ok',
  '2xx',
  '3xx',
  '4xx',
  '5xx',
  'refused',
  'connect',
  'reset',
  'timeout',
  'invalid_body',
  'error_reply',
  'cancelled',
] as const;
export type AttemptResult = (typeof ATTEMPT_RESULTS)[number];
/** Calls since the start. */
export type Attempts = Readonly<Partial<Record<AttemptResult, number>>>;

/** Why a call was told to stop when its answer had come from elsewhere. */
export const ANSWERED_ELSEWHERE = new Error('Another call has been answered first');

/** A Post or an Allocate. */
type Call<T> = (items: readonly BatchItem[], signal: AbortSignal) => Promise<T>;

export interface FailureCounter {
  /** Counts what comes of `call`. */
  watch<T>(call: Call<T>): Call<T>;
  /** Counts one reply that was none. */
  invalidReply(): void;
  read(): UpstreamFailures;
  attempts(): Attempts;
}

export function createFailureCounter(): FailureCounter {
  const attempts: Partial<Record<AttemptResult, number>> = {};
  let invalidReplies = 0;

  function count(result: AttemptResult): void {
    attempts[result] = (attempts[result] ?? 0) + 1;
  }

  return {
    watch: (call) => async (items, signal) => {
      let result: AttemptResult = 'ok';
      try {
        return await call(items, signal);
      } catch (error) {
        result = signal.reason === ANSWERED_ELSEWHERE ? 'cancelled' : resultOf(error);
        throw error;
      } finally {
        count(result);
      }
    },
    invalidReply: () => {
      invalidReplies += 1;
    },
    read: () => {
      const { refused = 0, connect = 0, reset = 0, timeout = 0, invalid_body = 0 } = attempts;
      // Redis, asked from this process, answers with errors where a function has statuses.
      const status = STATUSES.reduce((sum, result) => sum + (attempts[result] ?? 0), attempts.error_reply ?? 0);
      return { refused, connect, reset, timeout, status, invalid_body: invalid_body + invalidReplies };
    },
    attempts: () => ({ ...attempts }),
  };
}

const STATUSES = ['2xx', '3xx', '4xx', '5xx'] as const satisfies readonly AttemptResult[];

function resultOf(error: unknown): AttemptResult {
  if (!(error instanceof UpstreamError)) return 'cancelled'; // a defect of ours, which the log tells of
  if (error.failure !== 'status') return error.failure;
  return STATUSES[Math.floor((error.status ?? 500) / 100) - 2] ?? '5xx';
}
