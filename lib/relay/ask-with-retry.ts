import { UpstreamError } from '../app/upstream-error.ts';

/** Under this much time left, ms, a second attempt would only be in vain: placing alone may take most of it. */
const MIN_TIME_FOR_RETRY_MS = 60;
/** Between the attempts, ms, unless a kept-alive connection broke: something that is down needs a moment. */
const PAUSE_MS = 25;

export interface RetryOptions {
  /** Until the deadline, ms. */
  readonly timeLeftMs: () => number;
  readonly onRetry: () => void;
}

/**
 * Calls `ask`, and once more if the function could not be had and there is time: the same item, so that whatever the
 * first attempt may have done is not done twice. Throws the error that says most of what may have happened: one whose
 * outcome is unknown, if there was one.
 */
export async function askWithRetry<T>(ask: () => Promise<T>, options: RetryOptions): Promise<T> {
  try {
    return await ask();
  } catch (first) {
    if (!isWorthRetrying(first)) throw first;
    const pauseMs = first.failure === 'reset' ? 0 : PAUSE_MS * (1 + Math.random());
    if (options.timeLeftMs() - pauseMs < MIN_TIME_FOR_RETRY_MS) throw first;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    options.onRetry();
    try {
      return await ask();
    } catch (second) {
      throw first.outcome === 'unknown' ? first : second;
    }
  }
}

/** Infrastructure only. A timeout has used the time up, and what is refused or misshapen will be so again. */
function isWorthRetrying(error: unknown): error is UpstreamError {
  if (!(error instanceof UpstreamError)) return false;
  if (error.failure === 'connect' || error.failure === 'reset') return true;
  return error.failure === 'status' && error.status !== undefined && (error.status === 429 || error.status >= 500);
}
