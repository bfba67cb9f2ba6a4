/** Median, and the mean of the two in the middle where there are two; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const upper = sorted[Math.floor(half)] ?? Number.NaN;
  return Number.isInteger(half) ? ((sorted[half - 1] ?? Number.NaN) + upper) / 2 : upper;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Of each round, the one value over the other: drift from round to round cancels out. Rounds without both are left out. */
export function ratios(over: readonly (number | undefined)[], under: readonly (number | undefined)[]): number[] {
  return over.flatMap((value, round) => {
    const base = under[round];
    return value === undefined || base === undefined || base === 0 ? [] : [value / base];
  });
}

/** Slope of the least-squares line through the points; 0 of fewer than two. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  if (points.length < 2) return 0;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const spreadX = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const together = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return spreadX === 0 ? 0 : together / spreadX;
}

/** A copy in random order. */
export function shuffled<T>(items: readonly T[], random: () => number = Math.random): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
