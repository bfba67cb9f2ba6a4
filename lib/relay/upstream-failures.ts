import type { BatchItem } from '../api/batch.ts';
import { UpstreamError, type UpstreamFailure } from '../app/upstream-error.ts';

/** What calls have failed of since the start, by cause; a call that was not needed any more has not failed. */
export type UpstreamFailures = Readonly<Record<Exclude<UpstreamFailure, 'error_reply'>, number>>;

/** Why a call was told to stop when its answer had come from elsewhere. */
export const ANSWERED_ELSEWHERE = new Error('Another call has been answered first');

/** A Post or an Allocate. */
type Call<T> = (items: readonly BatchItem[], signal: AbortSignal) => Promise<T>;

export interface FailureCounter {
  /** Counts what `call` fails of. */
  watch<T>(call: Call<T>): Call<T>;
  /** Counts one reply that was none. */
  invalidReply(): void;
  read(): UpstreamFailures;
}

export function createFailureCounter(): FailureCounter {
  const counts = { refused: 0, connect: 0, reset: 0, timeout: 0, status: 0, invalid_body: 0 };

  function count(error: unknown): void {
    if (!(error instanceof UpstreamError)) return; // a defect of ours, which the log tells of
    // Redis, asked from this process, answers with errors where a function has statuses.
    counts[error.failure === 'error_reply' ? 'status' : error.failure] += 1;
  }

  return {
    watch: (call) => async (items, signal) => {
      try {
        return await call(items, signal);
      } catch (error) {
        if (signal.reason !== ANSWERED_ELSEWHERE) count(error);
        throw error;
      }
    },
    invalidReply: () => {
      counts.invalid_body += 1;
    },
    read: () => ({ ...counts }),
  };
}
