import type { Seen } from './driver.ts';

/** How long these took in the middle, ms; NaN for none. */
export function median(seen: readonly Seen[]): number {
  const sorted = seen.map(({ ms }) => ms).sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
