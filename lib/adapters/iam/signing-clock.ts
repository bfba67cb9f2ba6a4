/** AWS takes a signature that is 5 minutes off; with what is on its way, this much is far. */
const FAR_MS = 4 * 60_000;

export interface SigningClock {
  /** The time as AWS is thought to have it, ms since 1970. */
  nowMs(): number;
  /**
   * Takes the time from the `Date` header of an answer that refuses a signature, where that is far from ours. Returns by
   * how much our clock was set, ms, or undefined where it was left alone.
   */
  correct(dateHeader: string | undefined): number | undefined;
}

/** `clock` set to AWS's own time when that turns out to be another: this machine's time may be wrong for days. */
export function createSigningClock(clock: () => number): SigningClock {
  let offsetMs = 0;
  const nowMs = () => clock() + offsetMs;

  return {
    nowMs,
    correct(dateHeader) {
      const byMs = Date.parse(dateHeader ?? '') - nowMs();
      if (!(Math.abs(byMs) > FAR_MS)) return undefined; // nor where it is no date
      offsetMs += byMs;
      return byMs;
    },
  };
}
