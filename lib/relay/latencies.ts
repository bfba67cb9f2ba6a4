/** As many as are remembered: some seconds of traffic, or some minutes of little. */
const KEPT = 256;
/** Fewer of them say nothing about the slowest. */
const FEWEST = 50;
/**
 * What is above it is slow. Not 0.95, of which hedging is often told: with at most 5 % of calls hedged, nothing would be
 * saved up for the moment at which many calls hang at once.
 */
const QUANTILE = 0.98;
/** So many new ones may go by before the quantile is looked up again. */
const STALE_AFTER = 16;

export interface Latencies {
  add(ms: number): void;
  /** Above it a call is among the slowest 2 %, ms; undefined while too little is known. */
  slowMs(): number | undefined;
}

/** Remembers how long the last few hundred calls took. */
export function createLatencies(): Latencies {
  const ring = new Float64Array(KEPT);
  let added = 0;
  let slowMs: number | undefined;
  let lookUpAt = FEWEST;

  return {
    add(ms) {
      ring[added % KEPT] = ms;
      added += 1;
      if (added < lookUpAt) return;
      lookUpAt = added + STALE_AFTER;
      const sorted = ring.slice(0, Math.min(added, KEPT)).sort();
      slowMs = sorted[Math.ceil(QUANTILE * sorted.length) - 1];
    },
    slowMs: () => slowMs,
  };
}
