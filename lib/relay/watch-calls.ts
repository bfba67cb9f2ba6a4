import type { Allocate } from '../api/allocate.ts';
import { NO_METER } from '../app/meter.ts';
import type { Clock } from '../app/ports.ts';
import type { Environments } from './environments.ts';
import { createLatencies } from './latencies.ts';

/** No call is slow before it has taken this long, ms: a collection of garbage on either side takes as long. */
const MIN_SLOW_MS = 25;
/**
 * At the latest then it is, ms, and while nothing is known or a cold start is likely: those behind it have the time for
 * a cold start of their own, but had better not begin one while the first may still help them.
 */
const MAX_SLOW_MS = 150;

export interface WatchedCalls {
  readonly call: Allocate;
  /** Calls made. */
  made(): number;
  /** From when on a call is unusually slow, ms from its beginning. */
  slowMs(): number;
}

/** Learns from each of its calls how long they take, and which environments are there. */
export function watchCalls(
  allocate: Allocate,
  environments: Environments,
  clock: Clock,
  meter = NO_METER,
): WatchedCalls {
  const latencies = createLatencies();
  let made = 0;

  const call: Allocate = async (items, signal) => {
    const environment = environments.take();
    const begunAtMs = clock();
    made += 1;
    try {
      const replies = await allocate(items, signal);
      if (environment.warm) latencies.add(clock() - begunAtMs);
      environment.answered();
      return replies;
    } catch (error) {
      // It would have taken even longer. Without it only the quick ones were known, and ever quicker ones called slow.
      if (environment.warm && signal.aborted) latencies.add(clock() - begunAtMs);
      environment.lost();
      throw error;
    } finally {
      meter.stage('call', clock() - begunAtMs);
    }
  };

  function slowMs(): number {
    const learned = environments.anyWarm() ? latencies.slowMs() : undefined;
    return learned === undefined ? MAX_SLOW_MS : Math.min(MAX_SLOW_MS, Math.max(MIN_SLOW_MS, learned));
  }

  return { call, made: () => made, slowMs };
}
