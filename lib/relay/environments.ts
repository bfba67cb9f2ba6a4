import type { Clock } from '../app/ports.ts';

/** An environment that has answered within this time is as quick as it gets, ms. */
const WARM_MS = 60_000;
/**
 * An idle environment is there for this long, ms. Lambda promises nothing; measured were 10 minutes in 2019, 25 to 60
 * before (https://mikhail.io/2019/08/aws-lambda-cold-starts-after-10-minutes/), 5 at the very first, and 5 minutes is
 * how often those call a function who keep it warm (https://serverless.com/plugins/serverless-plugin-warmup/).
 */
export const KEPT_MS = 240_000;

/** What the calls made so far tell of the function's environments. */
export interface Environments {
  /** Begins a call, which occupies an environment until it has ended one way or the other. */
  take(): Occupied;
  /** Whether a call that began now would find an environment idle, and cause no cold start. */
  hasIdle(): boolean;
  /** Whether any has answered in the last 60 s. */
  anyWarm(): boolean;
  /** Since when `count` of them have all been in use, ms on the clock: now if they are; minus infinity if there are fewer. */
  inUseSinceMs(count: number): number;
}

export interface Occupied {
  /** It had answered in the last 60 s. */
  readonly warm: boolean;
  answered(): void;
  /** No answer came: it may be stuck, gone, or never have been reached. */
  lost(): void;
}

/**
 * An environment handles one call at a time, and a call starts a new one only when none is idle: so as many are there as
 * have been seen to answer beside each other. Other relays of the same function are not seen; each of them adds its own
 * environments, and takes one of ours at times.
 */
export function createEnvironments(clock: Clock): Environments {
  /** Of each idle one the time of its last answer, in ascending order; the most recent one is taken to go first. */
  const idleSinceMs: number[] = [];
  let occupied = 0;
  let answeredAtMs = Number.NEGATIVE_INFINITY;

  const isWithin = (limitMs: number, sinceMs = Number.NEGATIVE_INFINITY) => clock() - sinceMs < limitMs;

  return {
    take() {
      const warm = isWithin(WARM_MS, idleSinceMs.pop());
      occupied += 1;
      return {
        warm,
        answered: () => {
          occupied -= 1;
          answeredAtMs = clock();
          idleSinceMs.push(answeredAtMs);
        },
        lost: () => {
          occupied -= 1;
        },
      };
    },
    hasIdle: () => isWithin(KEPT_MS, idleSinceMs.at(-1)),
    anyWarm: () => isWithin(WARM_MS, answeredAtMs),
    inUseSinceMs(count) {
      if (occupied >= count) return clock();
      return idleSinceMs.at(occupied - count) ?? Number.NEGATIVE_INFINITY;
    },
  };
}
