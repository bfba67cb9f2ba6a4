import type { Allocate } from '../api/allocate.ts';
import type { Clock } from '../app/ports.ts';
import { UpstreamError } from '../app/upstream-error.ts';
import { lessTime, longestBudgetMs } from './budgets.ts';
import { tellingError } from './which-error.ts';

/** With less time for the items, ms, a second call would only be in vain: placing alone may take most of it. */
const MIN_BUDGET_MS = 45;
/** Between the calls, ms, unless a kept-alive connection broke: something that is down needs a moment. */
const PAUSE_MS = 25;

export interface RetriedCalls {
  readonly call: Allocate;
  /** Second calls made because the function could not be had. */
  retried(): number;
}

/**
 * Makes calls with `first`, and once more with `again` if the function could not be had and there is time: with the
 * same items, so that whatever the first call may have done is not done twice (hedgeCalls tells of `instance`). Throws
 * the error that says most of what may have happened: one whose outcome is unknown, if there was one.
 */
export function retryCalls(first: Allocate, again: Allocate, clock: Clock, random: () => number): RetriedCalls {
  let retried = 0;

  const call: Allocate = async (items, signal) => {
    const begunAtMs = clock();
    try {
      return await first(items, signal);
    } catch (error) {
      if (!isWorthRetrying(error)) throw error;
      const pauseMs = error.failure === 'reset' ? 0 : PAUSE_MS * (1 + random());
      const timeLeftMs = longestBudgetMs(items) - (clock() - begunAtMs) - pauseMs;
      if (timeLeftMs < MIN_BUDGET_MS) throw error;
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (signal.aborted) throw error;
      retried += 1;
      try {
        const later = items.map((item) => lessTime(item, clock() - begunAtMs));
        return await again(later, signal);
      } catch (secondError) {
        throw tellingError(error, secondError);
      }
    }
  };

  return { call, retried: () => retried };
}

/** Infrastructure only. A timeout has used the time up, and what is refused or misshapen will be so again. */
function isWorthRetrying(error: unknown): error is UpstreamError {
  if (!(error instanceof UpstreamError)) return false;
  if (error.failure === 'connect' || error.failure === 'reset') return true;
  return error.failure === 'status' && error.status !== undefined && (error.status === 429 || error.status >= 500);
}
