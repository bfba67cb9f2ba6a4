import type { Log, LogFields } from '../app/ports.ts';

/** How often a relay says how it is, ms. deploy/aws/alarms.yml counts on two of its lines in two minutes. */
const EVERY_MS = 60_000;

export interface HeartbeatOptions {
  /** Why no requests can be served just now; undefined when they can. */
  readonly notReady: () => string | undefined;
  readonly connected: () => boolean;
  /** Counts since the start, and what is under way now. */
  readonly figures: () => { readonly received: number; readonly in_flight: number };
  readonly log: Log;
}

/**
 * Logs `relay_state` once a minute, from a minute after the start: whether this relay serves, and how much. An alarm is
 * made of its `ready`, and of its absence.
 */
export function startHeartbeat({ notReady, connected, figures, log }: HeartbeatOptions): { stop(): void } {
  const timer = setInterval(() => {
    const reason = notReady();
    const state: LogFields = { ready: reason === undefined, connected: connected(), ...(reason && { reason }) };
    log.info('relay_state', { ...state, ...figures() });
  }, EVERY_MS);
  // It ends no process later and keeps none alive.
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
