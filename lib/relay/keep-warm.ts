import type { BatchItem } from '../api/batch.ts';
import type { Clock, Log } from '../app/ports.ts';
import { type Environments, KEPT_MS } from './environments.ts';
import type { Post } from './forward.ts';

/** Environments are called before they have been idle for KEPT_MS, by up to a quarter: relays started together disperse. */
const JITTER = 0.25;
/** Between two rounds, ms: a function that is down is not asked more often. */
const PAUSE_MS = 60_000;
/** How long each environment is held, ms, so that calls made together find different ones. */
const HOLD_MS = 50;
/** A cold start may take this long, ms. */
const CALL_LIMIT_MS = 10_000;

/** A function that does not know it answers with a failure, and is as warm for it. */
const ITEM: BatchItem = { op: 'warm', request: { hold_ms: HOLD_MS } };

export interface KeepWarmOptions {
  /** How many environments; with 0 none is called. */
  readonly count: number;
  readonly post: Post;
  readonly environments: Environments;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
}

export interface KeepingWarm {
  /** Calls made. */
  made(): number;
  stop(): void;
}

/**
 * Calls the function now, and from then on whenever `count` environments have not all been in use for some minutes.
 * It calls as many as are wanted at once, also where one is missing: fewer would find those that are warm already.
 */
export function keepWarm({ count, post, environments, clock, random, log }: KeepWarmOptions): KeepingWarm {
  const aborter = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let made = 0;

  function lookAgainIn(ms: number): void {
    if (!aborter.signal.aborted) timer = setTimeout(look, ms);
  }

  function look(): void {
    const dueMs = environments.inUseSinceMs(count) + KEPT_MS * (1 - JITTER * random());
    if (dueMs > clock()) lookAgainIn(dueMs - clock());
    else void callAll().then(() => lookAgainIn(PAUSE_MS));
  }

  async function callAll(): Promise<void> {
    const failures: unknown[] = [];
    const calls = Array.from({ length: count }, () => callOne().catch((error: unknown) => failures.push(error)));
    await Promise.all(calls);
    if (failures.length === 0 || aborter.signal.aborted) return;
    log.warning('keep_warm_failed', { failures: failures.length, calls: count }, failures[0]);
  }

  async function callOne(): Promise<void> {
    made += 1;
    const environment = environments.take();
    try {
      await post([ITEM], AbortSignal.any([aborter.signal, AbortSignal.timeout(CALL_LIMIT_MS)]));
      environment.answered();
    } catch (error) {
      environment.lost();
      throw error;
    }
  }

  if (count > 0) look();
  return {
    made: () => made,
    stop: () => {
      clearTimeout(timer);
      aborter.abort();
    },
  };
}
