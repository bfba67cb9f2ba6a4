import type { FailureCode, Reply } from '../api/outcomes.ts';
import { createDistribution, type Spread } from '../app/distribution.ts';
import type { DegradedSource } from '../domain/fleet.ts';
import { DURATION_BOUNDS_MS } from './relay-meter.ts';

/** What has become of messages since the start. */
export interface Counts {
  readonly received: number;
  readonly succeeded: number;
  /** Failures by their code. */
  readonly failed: Readonly<Partial<Record<FailureCode, number>>>;
  /** From receipt to end, ms, of every message that came to one. */
  readonly tookMs: Spread;
  /** Replies that had to do without a source, by which that was. */
  readonly degraded: Readonly<Record<DegradedSource, number>>;
  /** The last failure's code and message. */
  readonly lastFailure: string | undefined;
}

export interface Counter {
  received(): void;
  ended(reply: Reply, tookMs: number): void;
  read(): Counts;
}

export function createCounter(): Counter {
  const count = { received: 0, succeeded: 0 };
  const took = createDistribution(DURATION_BOUNDS_MS);
  const degraded = { consul: 0, prometheus: 0 };
  const failed: Partial<Record<FailureCode, number>> = {};
  let lastFailure: string | undefined;

  /** A function of a newer version may name others. */
  function countDegraded(sources: readonly string[]): void {
    if (sources.includes('consul')) degraded.consul += 1;
    if (sources.includes('prometheus')) degraded.prometheus += 1;
  }

  return {
    received: () => {
      count.received += 1;
    },
    ended: (reply, tookMs) => {
      took.add(tookMs);
      if ('degraded' in reply && reply.degraded !== undefined) countDegraded(reply.degraded);
      if (reply.success) {
        count.succeeded += 1;
      } else {
        failed[reply.code] = (failed[reply.code] ?? 0) + 1;
        lastFailure = `${reply.code}: ${reply.message}`;
      }
    },
    read: () => ({ ...count, tookMs: took.spread, degraded: { ...degraded }, failed: { ...failed }, lastFailure }),
  };
}

/** Failures by their code, of several counts together. */
export function sumFailed(all: readonly Counts[]): Counts['failed'] {
  const failed: Partial<Record<FailureCode, number>> = {};
  for (const [code, count] of all.flatMap((counts) => Object.entries(counts.failed) as [FailureCode, number][])) {
    failed[code] = (failed[code] ?? 0) + count;
  }
  return failed;
}
