import type { Spread } from '../../app/distribution.ts';

/** Ranges a fifth wide: from 1 ms to 420 s in fewer than the 100 values that CloudWatch takes of one figure. */
export const BOUNDS_MS: readonly number[] = Array.from({ length: 72 }, (_, index) => 1.2 ** index);

/**
 * A distribution as CloudWatch takes it, which makes percentiles of it: each value with how often it was there. The form
 * is that of AWS's own exporter for OpenTelemetry (collector-contrib, awsemfexporter).
 */
export interface Histogram {
  readonly Values: readonly number[];
  readonly Counts: readonly number[];
  readonly Max: number;
  readonly Min: number;
  readonly Count: number;
  readonly Sum: number;
}

/** `spread` over BOUNDS_MS. Of each range one value is told, off by 10 % at the most; sum, least and most are exact. */
export function toHistogram({ counts, count, sum, least, most }: Spread): Histogram {
  const Values: number[] = [];
  const Counts: number[] = [];
  for (let index = 0; index < counts.length; index += 1) {
    const times = counts[index] ?? 0;
    if (times === 0) continue;
    const middle = 1.2 ** (index - 0.5);
    Values.push(round(Math.min(most, Math.max(least, middle))));
    Counts.push(times);
  }
  return { Values, Counts, Max: round(most), Min: round(least), Count: count, Sum: round(sum) };
}

/** Digits that nobody reads are paid for by the byte. */
function round(ms: number): number {
  return Number(ms.toPrecision(3));
}
