import type { DegradedSource } from '../domain/fleet.ts';
import type { Clock } from './ports.ts';

/**
 * Where the time of a request goes, beside the total. The one list: labels and figures of these names come from it.
 * - `queue`: in the relay, from the receipt of a message until it is sent in a batch
 * - `call`: one call for a batch: `POST /batch` of a function, or the same in the relay's own process
 * - `consul`, `prometheus`: asking one of them for its part of the view
 * - `redis`: the placement script's round trip
 */
export const STAGES = ['queue', 'call', 'consul', 'prometheus', 'redis'] as const;
export type Stage = (typeof STAGES)[number];

/** Told how long things take, and of what age they are. Costs nanoseconds; never throws. */
export interface Meter {
  /** One more of `stage` has ended, well or not, after `ms`. */
  stage(stage: Stage, ms: number): void;
  /** Part of a view was used that `source` had given `ms` ago. */
  viewAge(source: DegradedSource, ms: number): void;
}

/** For who measures nothing. */
export const NO_METER: Meter = { stage: () => undefined, viewAge: () => undefined };

/** The same call, whose duration by `clock` `meter` is told. */
export function timed<Args extends unknown[], Result>(
  meter: Meter,
  stage: Stage,
  clock: Clock,
  call: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    const begunAtMs = clock();
    try {
      return await call(...args);
    } finally {
      meter.stage(stage, clock() - begunAtMs);
    }
  };
}
