import type { Clock, Log } from './ports.ts';
import { UpstreamError } from './upstream-error.ts';
import { withTimeout } from './with-timeout.ts';

/** After a failure a source is left alone this long, give or take half, so that callers do not return in step. */
const BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 1.5 * BACKOFF_MS;
/** The same while nothing is held, where readers sit it out. */
const FIRST_BACKOFF_MS = 100;
/** With less time than this a source is not asked: it would only be cut off. */
const LEAST_WAIT_MS = 20;

export interface CachedSourceOptions<T> {
  readonly name: string;
  readonly ask: (signal: AbortSignal) => Promise<T>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Up to this age, ms, a value is used as it is. */
  readonly freshMs: number;
  /** Up to this age, ms, it is used at once and refreshed beside; older, a reader waits for the refresh. */
  readonly besideMs: number;
  /** Up to this age, ms, it is used when the refresh fails. */
  readonly staleMs: number;
  /** The longest that one fetch may take, ms. */
  readonly timeoutMs: number;
  /**
   * For a source without which there is no answer at all: the same while nothing is held. Readers then sit out the time
   * for which the source is left alone, which is short: whoever refuses quickly draws the requests of all others.
   */
  readonly firstTimeoutMs?: number;
}

export interface Reading<T> {
  /** The newest value that may be used, or undefined. */
  readonly value: T | undefined;
  /** The value should be newer, but the source failed or was not asked. */
  readonly degraded: boolean;
  /** How old `value` was when it was read, ms. */
  readonly ageMs?: number;
  /**
   * To be called when the reader has done its own work: gives a refresh that runs beside up to `waitMs` more. With
   * nobody left to wait for it, it is aborted: in a Lambda environment nothing may run on after the reply.
   */
  release(waitMs: number): Promise<void>;
}

export interface CachedSource<T> {
  /**
   * Waits at most `waitMs`, and only where there is nothing recent enough; with `newest` also where what there is would
   * do and be refreshed beside. Never throws.
   */
  read(waitMs: number, newest?: boolean): Promise<Reading<T>>;
  /** A value of another origin, for as long as the source itself has given none; of use up to the same age. */
  seed(value: T, atMs: number): void;
  /** The value in hand is known to be of no use: the next reader waits for a new one, and no backoff holds it back. */
  expire(): void;
}

interface Refresh {
  /** Settles with the fetch; never rejects. */
  done: Promise<void>;
  readonly controller: AbortController;
  waiting: number;
  /** Aborted before its time was up, because the reply could not wait: that says nothing about the source. */
  cutOff: boolean;
}

/** One outside system's last answer, kept in memory: fresh, stale or none, with one shared refresh at a time. */
export function createCachedSource<T>(options: CachedSourceOptions<T>): CachedSource<T> {
  const { name, clock, log, freshMs, besideMs, staleMs, timeoutMs, firstTimeoutMs = timeoutMs } = options;
  let held: { readonly value: T; readonly atMs: number } | undefined;
  let refresh: Refresh | undefined;
  let leftAloneUntilMs = Number.NEGATIVE_INFINITY;
  let failing = false;
  /** The last refresh was cut off: the next reader waits for its own, or a slow source would never get to answer. */
  let lastCutOff = false;

  function ageMs(): number {
    const age = held === undefined ? Number.POSITIVE_INFINITY : clock() - held.atMs;
    return age < 0 ? Number.POSITIVE_INFINITY : age; // our clock was set back
  }

  function join(): Refresh | undefined {
    let joined = refresh;
    if (joined === undefined) {
      const leftAloneMs = leftAloneUntilMs - clock();
      if (leftAloneMs > 0 && leftAloneMs <= LONGEST_BACKOFF_MS) return undefined; // longer: our clock was set back
      joined = { controller: new AbortController(), waiting: 0, cutOff: false, done: Promise.resolve() };
      refresh = joined;
      joined.done = run(joined);
    }
    joined.waiting += 1;
    return joined;
  }

  /** Where the source is left alone and nothing is held: asks it as soon as may be, if there is time for an answer. */
  async function joinLater(waitMs: number): Promise<Refresh | undefined> {
    const leftAloneMs = leftAloneUntilMs - clock();
    if (held !== undefined || options.firstTimeoutMs === undefined) return undefined;
    if (leftAloneMs + LEAST_WAIT_MS > waitMs) return undefined;
    await new Promise((resolve) => setTimeout(resolve, leftAloneMs));
    return join();
  }

  function longestMs(): number {
    return held === undefined ? firstTimeoutMs : timeoutMs;
  }

  async function run(own: Refresh): Promise<void> {
    try {
      const signal = AbortSignal.any([own.controller.signal, AbortSignal.timeout(longestMs())]);
      held = { value: await options.ask(signal), atMs: clock() };
      leftAloneUntilMs = Number.NEGATIVE_INFINITY;
      if (failing) log.info('source_recovered', { source: name });
      failing = false;
      lastCutOff = false;
    } catch (error) {
      lastCutOff = own.cutOff;
      if (lastCutOff) return;
      const isFirst = held === undefined && options.firstTimeoutMs !== undefined;
      leftAloneUntilMs = clock() + (isFirst ? FIRST_BACKOFF_MS : BACKOFF_MS) * (0.5 + options.random());
      const failure = error instanceof UpstreamError ? error.failure : 'unexpected';
      if (!failing) log.warning('source_failed', { source: name, failure }, error);
      failing = true;
    } finally {
      if (refresh === own) refresh = undefined;
    }
  }

  async function wait(joined: Refresh, waitMs: number): Promise<void> {
    await withTimeout(joined.done, waitMs);
    joined.waiting -= 1;
    if (joined.waiting > 0 || refresh !== joined) return;
    refresh = undefined;
    joined.cutOff = waitMs < longestMs();
    joined.controller.abort();
  }

  return {
    async read(waitMs, newest = false) {
      const age = ageMs();
      if (held !== undefined && age <= freshMs) return reading(held.value, failing, age); // it fails: a value of another origin
      const sinceMs = clock();
      const joined = waitMs < LEAST_WAIT_MS ? undefined : (join() ?? (await joinLater(waitMs)));
      if (held !== undefined && age <= besideMs && !newest && !(lastCutOff && joined)) {
        let released = false;
        return {
          value: held.value,
          degraded: failing,
          ageMs: age,
          async release(ms) {
            if (joined === undefined || released) return;
            released = true;
            await wait(joined, ms);
          },
        };
      }
      const before = held;
      if (joined !== undefined) await wait(joined, Math.min(waitMs - (clock() - sinceMs), longestMs()));
      const ageNow = ageMs();
      return reading(ageNow <= staleMs ? held?.value : undefined, held === before, ageNow);
    },
    seed(value, atMs) {
      held ??= { value, atMs: Math.min(atMs, clock()) };
    },
    expire() {
      if (held !== undefined) held = { value: held.value, atMs: Number.NEGATIVE_INFINITY };
      leftAloneUntilMs = Number.NEGATIVE_INFINITY;
    },
  };
}

function reading<T>(value: T | undefined, degraded: boolean, ageMs: number): Reading<T> {
  return { value, degraded, ...(value !== undefined && { ageMs }), release: () => Promise.resolve() };
}
