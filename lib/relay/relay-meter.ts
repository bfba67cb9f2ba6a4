import { createDistribution, type Spread } from '../app/distribution.ts';
import { type Meter, NO_METER, type Stage } from '../app/meter.ts';
import type { DegradedSource } from '../domain/fleet.ts';

/** From 5 ms to 10 s, dense below 450 ms, which is when a caller that says nothing has to have its reply. */
export const DURATION_BOUNDS_MS = [5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 450, 600, 1000, 2500, 5000, 10_000];
/** Items; a batch has 64 at most. */
export const BATCH_BOUNDS = [1, 2, 4, 8, 16, 32, 64];

/** What is measured of the way to whoever decides. */
export interface CallMeter extends Meter {
  /** So many items went out together. */
  batchSent(items: number): void;
}

/** For who measures nothing. */
export const UNMEASURED: CallMeter = { ...NO_METER, batchSent: () => undefined };

/** Keeps what it is told, from the start of the process on. */
export interface RelayMeter extends CallMeter {
  readonly stages: Readonly<Record<Stage, Spread>>;
  readonly batches: Spread;
  /** Of what was used last, by who gave it; absent where nothing was. */
  readonly viewAgesMs: Readonly<Partial<Record<DegradedSource, number>>>;
}

export function createRelayMeter(): RelayMeter {
  const durations = () => createDistribution(DURATION_BOUNDS_MS);
  const [queue, call, consul, prometheus, redis] = [durations(), durations(), durations(), durations(), durations()];
  const stages = { queue, call, consul, prometheus, redis } as const satisfies Record<Stage, unknown>;
  const batches = createDistribution(BATCH_BOUNDS);
  const viewAgesMs: Partial<Record<DegradedSource, number>> = {};
  return {
    stage: (stage, ms) => stages[stage].add(ms),
    viewAge: (source, ms) => {
      viewAgesMs[source] = ms;
    },
    batchSent: batches.add,
    stages: {
      queue: queue.spread,
      call: call.spread,
      consul: consul.spread,
      prometheus: prometheus.spread,
      redis: redis.spread,
    },
    batches: batches.spread,
    viewAgesMs,
  };
}
