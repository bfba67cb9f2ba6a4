import type { Clock } from '../app/ports.ts';

/** Readings that the estimate looks back on. */
const READINGS = 16;

/** Tells what another machine's clock will show, from what it showed in its answers. */
export interface RemoteClock {
  /** Call on receipt of an answer in which the other side says that its clock shows `remoteS` seconds since 1970. */
  observe(remoteS: number): void;
  /** What the other clock shows at `localMs` by ours, s; undefined before the first answer. Early rather than late. */
  atLocal(localMs: number): number | undefined;
}

/**
 * An answer is under way for a while, so the other clock is at least as far ahead as each answer says: the answer that
 * took least comes closest, and among the last few one was quick. Taking only the last would let one slow answer make
 * the deadlines of the next call too early.
 */
export function createRemoteClock(clock: Clock): RemoteClock {
  const offsetsS: number[] = [];
  return {
    observe(remoteS) {
      offsetsS.push(remoteS - clock() / 1000);
      if (offsetsS.length > READINGS) offsetsS.shift();
    },
    atLocal(localMs) {
      return offsetsS.length === 0 ? undefined : localMs / 1000 + Math.max(...offsetsS);
    },
  };
}
