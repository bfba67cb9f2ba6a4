/**
 * What the simulated world is made of. The figures are those of placement.md, "The simulator's model"; where it leaves
 * one open, the comment says so.
 */
import { GIB } from '../support/placement.ts';

/** A quantity whose logarithm is normal. */
export interface Lognormal {
  readonly median: number;
  readonly sigma: number;
}

/** Cores that a game uses. */
export const GAME_CPU: Lognormal = { median: 0.1, sigma: 0.6 };
/** Bytes that it uses. */
export const GAME_RAM: Lognormal = { median: 100e6, sigma: 0.5 };
/** How long it lasts, s. */
export const GAME_DURATION: Lognormal = { median: 300, sigma: 0.8 };
/** A game's use grows evenly over this time, s. */
export const RAMP_S = 5;
/** Ours: no game ends before it has grown; less than one in a million would. */
export const SHORTEST_GAME_S = RAMP_S + 1;

export interface Size {
  readonly cpuCores: number;
  readonly memoryBytes: number;
}
/** Instances of a fleet take these sizes in turn. */
export const EQUAL_SIZES: readonly Size[] = [{ cpuCores: 4, memoryBytes: 8 * GIB }];
export const MIXED_SIZES: readonly Size[] = [
  { cpuCores: 2, memoryBytes: 4 * GIB },
  { cpuCores: 4, memoryBytes: 8 * GIB },
  { cpuCores: 8, memoryBytes: 16 * GIB },
];

/** CPU that something else uses on each instance, as a share of it: AR(1), cut off at 0. */
export const BACKGROUND = {
  mean: 0.05,
  deviation: 0.04,
  /**
   * Ours: how much is kept from a second to the next. Of 0.9, 0.95, 0.98 and 0.995 the one with which random, round robin
   * and fewest sessions come closest to the medians that placement.md gives for them (44, 31, 19 %; here 43, 32, 19 %).
   */
  keptPerSecond: 0.95,
} as const;

/** A scraped value is up to this old, s: how often cAdvisor looks. */
export const EXPORTER_AGE_S = 10;
/** An empty CPU window is replaced by this one, s: `rate(m[30s]) or rate(m[1m])`. */
export const FALLBACK_WINDOW_S = 60;

export const ALLOCATORS = 8;
/** How long an allocator (a function's environment) lives, s. */
export const ALLOCATOR_LIFE_S = { least: 300, most: 900 } as const;

/** After a crash, s: when discovery stops listing the instance, and when it is back, empty, under the same id. */
export const CRASH = { noticedAfterS: 30, backAfterS: 90 } as const;

/** A caller's hint is the game's true use times a lognormal error of this sigma. */
export const HINT_SIGMA = 0.2;

/** What a game is configured to use: the product's defaults, cores and bytes. */
export const CONFIGURED_COST: Size = { cpuCores: 0.12, memoryBytes: 113e6 };

export function meanOf({ median, sigma }: Lognormal): number {
  return median * Math.exp(sigma ** 2 / 2);
}

/** For how long a game uses all that it uses, on average, s: half of its ramp is missing. */
export function meanFullUseS(): number {
  return meanOf(GAME_DURATION) - RAMP_S / 2;
}

/** Mean of the background noise as it is, cut off at 0: a share of the CPU. */
export function meanBackground(): number {
  const { mean, deviation } = BACKGROUND;
  const z = mean / deviation;
  const density = Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI);
  return mean * (1 - upperTail(z)) + deviation * density;
}

/** Share of a standard normal above z > 0 (Abramowitz and Stegun 26.2.17, to 1e-7). */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const sum = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}
