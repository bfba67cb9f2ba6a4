import type { Clock } from '../../app/ports.ts';

/** For so long attempts are made quickly: a caller waits half a second, and a server that was restarted is back sooner. */
const QUICK_FOR_MS = 2000;
const QUICK_MS = 20;
const SLOW_MS = 250;
/** A TLS handshake costs the server more than a connection, and all its clients come back together. */
const SLOW_JITTER_MS = 250;
const SLOW_JITTER_TLS_MS = 750;

export interface ReconnectPace {
  /** Between two attempts to connect to the same server, ms. */
  delayMs(): number;
  /** It is connected: the next attempt is the first of another outage. */
  connected(): void;
}

/** Paces attempts to connect: quick at first, since replies wait for it, and then at leisure for ever. */
export function createReconnectPace(clock: Clock, random: () => number, tls: boolean): ReconnectPace {
  let sinceMs: number | undefined;
  return {
    delayMs() {
      sinceMs ??= clock();
      if (clock() - sinceMs < QUICK_FOR_MS) return QUICK_MS * (1 + random());
      return SLOW_MS + random() * (tls ? SLOW_JITTER_TLS_MS : SLOW_JITTER_MS);
    },
    connected() {
      sinceMs = undefined;
    },
  };
}
