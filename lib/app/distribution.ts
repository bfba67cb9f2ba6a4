/** How the values added so far are distributed. */
export interface Spread {
  /** Values up to the bound of the same index and above the one before it; the last: above all bounds. */
  readonly counts: ArrayLike<number>;
  readonly count: number;
  readonly sum: number;
  /** Of no meaning while `count` is 0. */
  readonly least: number;
  readonly most: number;
}

export interface Distribution {
  /** 10 ns. */
  add(value: number): void;
  /** What it has come to by now; not a copy. */
  readonly spread: Spread;
}

/** Counts values by the ranges between `bounds`, which ascend. */
export function createDistribution(bounds: readonly number[]): Distribution {
  const counts = new Float64Array(bounds.length + 1);
  const spread = {
    counts,
    count: 0,
    sum: 0,
    least: Number.POSITIVE_INFINITY,
    most: Number.NEGATIVE_INFINITY,
  };

  /** The first bound that is not below `value`, or one more than there are. */
  function indexOf(value: number): number {
    let from = 0;
    let to = bounds.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((bounds[middle] ?? 0) < value) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  return {
    add(value) {
      const index = indexOf(value);
      counts[index] = (counts[index] ?? 0) + 1;
      spread.count += 1;
      spread.sum += value;
      if (value < spread.least) spread.least = value;
      if (value > spread.most) spread.most = value;
    },
    spread,
  };
}
