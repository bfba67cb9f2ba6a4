import { setImmediate } from 'node:timers/promises';
import { type Upstream, UpstreamError } from '../../app/upstream-error.ts';

/** Elements that are read in a row: some 2 ms of work where each is checked with zod. */
const SLICE = 250;

/**
 * Visits every element of a long answer of `upstream`, and lets other work in between: 9,000 elements in a row would
 * hold up every reply of this process for 50 ms. Throws UpstreamError when nobody waits for the end any more.
 */
export async function eachInSlices<T>(
  upstream: Upstream,
  elements: readonly T[],
  visit: (element: T) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let from = 0; from < elements.length; from += SLICE) {
    if (from > 0) await setImmediate();
    if (signal.aborted) throw new UpstreamError(upstream, 'timeout', { cause: signal.reason });
    for (const element of elements.slice(from, from + SLICE)) visit(element);
  }
}
