import type { Allocate } from '../api/allocate.ts';
import type { BatchItem } from '../api/batch.ts';
import type { Clock } from '../app/ports.ts';
import { lessTime, longestBudgetMs } from './budgets.ts';
import type { Environments } from './environments.ts';
import { ANSWERED_ELSEWHERE } from './upstream-failures.ts';
import type { WatchedCalls } from './watch-calls.ts';
import { tellingError } from './which-error.ts';

/** Of so many calls one may be hedged: 5 %. */
const CALLS_PER_HEDGE = 20;
/** So many hedges can be saved up, for the moment at which everything hangs at once. */
const MAX_SAVED_HEDGES = 5;

export interface HedgedCalls {
  readonly call: Allocate;
  /** Second calls made because the first one was slow, and how many of them were answered first. */
  stats(): { readonly hedged: number; readonly won: number };
}

/**
 * Makes a call once more when it is unusually slow, with the same items, and takes the answer that comes first. Not
 * when that would cause a cold start or compete with one, as nothing would be gained, and not when the time that is left
 * is too short for another answer. Every operation may be sent twice: those about a game are told by their `attempt`, or
 * come to the same if they are done again. Of `instance` both may count, as one game more than there is until the
 * chosen instance is next measured; calls of their own for it would cost the others more than that.
 */
export function hedgeCalls(calls: WatchedCalls, environments: Environments, clock: Clock): HedgedCalls {
  /** Counted in calls. It begins with nothing saved, so that at no time more than 5 % were hedged. */
  let savedCalls = 0;
  let hedged = 0;
  let won = 0;

  function mayHedge(items: readonly BatchItem[]): boolean {
    const coldStart = !environments.anyWarm() || !environments.hasIdle();
    return savedCalls >= CALLS_PER_HEDGE && !coldStart && longestBudgetMs(items) >= calls.slowMs();
  }

  async function hedge(items: readonly BatchItem[], signal: AbortSignal): ReturnType<Allocate> {
    savedCalls -= CALLS_PER_HEDGE;
    hedged += 1;
    const replies = await calls.call(items, signal);
    won += 1;
    return replies;
  }

  const call: Allocate = async (items, signal) => {
    savedCalls = Math.min(savedCalls + 1, MAX_SAVED_HEDGES * CALLS_PER_HEDGE);
    const begunAtMs = clock();
    const race = new AbortController();
    const stop = () => race.abort();
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    try {
      const first = calls.call(items, race.signal);
      if (await settlesWithin(calls.slowMs(), first)) return await first;

      const later = items.map((item) => lessTime(item, clock() - begunAtMs));
      if (signal.aborted || !mayHedge(later)) return await first;
      return await firstAnswer(first, hedge(later, race.signal), () => race.abort(ANSWERED_ELSEWHERE));
    } finally {
      signal.removeEventListener('abort', stop);
    }
  };

  return { call, stats: () => ({ hedged, won }) };
}

/** Resolves to whether `work` has ended, well or not, before `ms` have passed. */
function settlesWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const end = () => {
      clearTimeout(timer);
      resolve(true);
    };
    work.then(end, end);
  });
}

/** What is answered first, after which `stop` is called; rejects when both have failed. */
async function firstAnswer<T>(earlier: Promise<T>, later: Promise<T>, stop: () => void): Promise<T> {
  try {
    return await Promise.any([earlier, later]);
  } catch (error) {
    const [first, second] = (error as AggregateError).errors;
    throw tellingError(first, second);
  } finally {
    stop();
  }
}
