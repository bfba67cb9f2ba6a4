import type { Clock } from '../app/ports.ts';

/** Rates and latencies of the last moments, for people who look at them now. */
export interface RecentTraffic {
  /** One more request has been replied to, `tookMs` after its receipt. */
  add(succeeded: boolean, tookMs: number): void;
  read(): TrafficFigures;
}

export interface TrafficFigures {
  /** Over the last 10 whole seconds. */
  readonly rates: { readonly requests_per_s: number; readonly failures_per_s: number };
  /** Over the last 60 s, to 5 %; absent: there was no request. */
  readonly latency_ms?: { readonly p50: number; readonly p95: number; readonly p99: number };
}

const RATE_S = 10;
const LATENCY_S = 60;
/** Latencies are counted in buckets, each wider than the one before by this factor, from the least on. */
const FACTOR = 1.1;
const LEAST_MS = 0.1;
/** The last one begins at 14 s: nobody waits longer than 10. */
const BUCKETS = 125;

interface Second {
  /** Which it is, s on the clock. */
  number: number;
  requests: number;
  failures: number;
  readonly buckets: Uint32Array;
}

/** Takes 31 KB however much comes, and less than a microsecond for each request. */
export function createRecentTraffic(clock: Clock): RecentTraffic {
  const seconds = Array.from(
    { length: LATENCY_S + 1 },
    (): Second => ({
      ...{ number: -1, requests: 0, failures: 0 },
      buckets: new Uint32Array(BUCKETS),
    }),
  );

  function current(): Second | undefined {
    const number = Math.floor(clock() / 1000);
    const second = seconds[number % seconds.length];
    if (second === undefined || second.number === number) return second;
    Object.assign(second, { number, requests: 0, failures: 0 });
    second.buckets.fill(0);
    return second;
  }

  function last(count: number, { andThisOne }: { readonly andThisOne: boolean }): readonly Second[] {
    const now = Math.floor(clock() / 1000);
    return seconds.filter(({ number }) => number >= now - count && (andThisOne ? number <= now : number < now));
  }

  return {
    add(succeeded, tookMs) {
      const second = current();
      if (second === undefined) return;
      const bucket = bucketOf(tookMs);
      second.requests += 1;
      if (!succeeded) second.failures += 1;
      second.buckets[bucket] = (second.buckets[bucket] ?? 0) + 1;
    },
    read() {
      const rated = last(RATE_S, { andThisOne: false });
      const sum = (of: 'requests' | 'failures') => rated.reduce((total, second) => total + second[of], 0) / RATE_S;
      const latencyMs = percentiles(last(LATENCY_S, { andThisOne: true }));
      return {
        rates: { requests_per_s: sum('requests'), failures_per_s: sum('failures') },
        ...(latencyMs && { latency_ms: latencyMs }),
      };
    },
  };
}

function bucketOf(ms: number): number {
  const bucket = Math.floor(Math.log(Math.max(ms, LEAST_MS) / LEAST_MS) / Math.log(FACTOR));
  return Math.min(BUCKETS - 1, bucket);
}

function percentiles(seconds: readonly Second[]): TrafficFigures['latency_ms'] {
  const counts = Array.from({ length: BUCKETS }, (_, bucket) =>
    seconds.reduce((sum, { buckets }) => sum + (buckets[bucket] ?? 0), 0),
  );
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return undefined;
  function at(quantile: number): number {
    let left = Math.ceil(quantile * all);
    const bucket = counts.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    // The middle of the bucket.
    return Math.round(100 * LEAST_MS * FACTOR ** (bucket + 0.5)) / 100;
  }
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
