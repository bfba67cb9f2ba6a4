/** How long the parts take: rounds and seconds. The whole stays under 40 minutes, quick under 8. */
export interface Pace {
  readonly scriptRounds: number;
  /** Of a window, s; longer than a view lives (2 s), so that each visit holds its share of refreshes. */
  readonly windowS: number;
  /** What each variant of (a) and (b) is given before, s, by concurrency. */
  readonly warmUpS: Readonly<Record<1 | 64, number>>;
  /** Rounds of (a) and (b) by concurrency: more where a ratio hangs on them. */
  readonly rounds: Readonly<Record<1 | 16 | 64 | 256, number>>;
  readonly relayRounds: number;
  readonly replacedRounds: number;
  readonly coldTries: number;
  readonly coldRequests: number;
  /** Seconds at 1, 100 and 1,000 allocations a second. */
  readonly costS: readonly [number, number, number];
  readonly steadyS: number;
  /** Of the floor at the same rate, half of it before and half after. */
  readonly steadyFloorS: number;
}

const WHOLE: Pace = {
  scriptRounds: 9,
  windowS: 2.5,
  warmUpS: { 1: 12, 64: 3 },
  rounds: { 1: 12, 16: 6, 64: 10, 256: 6 },
  relayRounds: 10,
  replacedRounds: 8,
  coldTries: 30,
  coldRequests: 20,
  costS: [60, 30, 30],
  steadyS: 600,
  steadyFloorS: 150,
};

const QUICK: Pace = {
  scriptRounds: 3,
  windowS: 2.2,
  warmUpS: { 1: 5, 64: 2 },
  rounds: { 1: 2, 16: 1, 64: 2, 256: 1 },
  relayRounds: 2,
  replacedRounds: 2,
  coldTries: 8,
  coldRequests: 5,
  costS: [20, 10, 10],
  steadyS: 60,
  steadyFloorS: 20,
};

export function paceOf(quick: boolean): Pace {
  return quick ? QUICK : WHOLE;
}
