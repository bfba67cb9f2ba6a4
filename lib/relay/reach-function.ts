import type { Allocate } from '../api/allocate.ts';
import type { Clock, Log } from '../app/ports.ts';
import { insightApart } from './apart.ts';
import { batchItems } from './batch-items.ts';
import { createEnvironments } from './environments.ts';
import { createForward, type Post } from './forward.ts';
import { hedgeCalls } from './hedge-calls.ts';
import { keepWarm } from './keep-warm.ts';
import { type CallMeter, UNMEASURED } from './relay-meter.ts';
import { retryCalls } from './retry-calls.ts';
import { shareLists } from './share-lists.ts';
import { type Attempts, createFailureCounter, type UpstreamFailures } from './upstream-failures.ts';
import { watchCalls } from './watch-calls.ts';

/** Counts since the start. */
export interface CallStats {
  /** Calls that carried operations, second ones included. */
  readonly calls: number;
  /** Second calls made because the first one was slow, and how many of them were answered first. */
  readonly hedged: number;
  readonly hedgesWon: number;
  /** Second calls made because the function could not be had. */
  readonly retried: number;
  /** Calls that only kept environments warm. */
  readonly warmCalls: number;
  readonly failures: UpstreamFailures;
  /** All calls, those that only kept environments warm included, by what came of them. */
  readonly attempts: Attempts;
}

/** The way to whatever decides. */
export interface Way {
  readonly allocate: Allocate;
  stats(): CallStats;
  /** Ends what it does of its own accord. */
  stop(): void;
}

/** Makes the same Allocate of an Allocate, which does its work in the trace of its items. */
type Traced = (allocate: Allocate) => Allocate;

const untraced: Traced = (allocate) => allocate;

export interface FunctionOptions {
  readonly post: Post;
  /** Environments to keep warm. */
  readonly keepWarm: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly meter?: CallMeter;
  readonly traced?: Traced;
}

/** To a function: an item travels in a batch, which is sent three times at most: itself, one hedge, one retry. */
export function reachFunction(options: FunctionOptions): Way {
  const { post: barePost, keepWarm: count, clock, random, log, meter, traced = untraced } = options;
  const environments = createEnvironments(clock);
  const failures = createFailureCounter();
  const post = failures.watch(barePost);
  const forward = createForward(post, log, failures.invalidReply);
  const watched = watchCalls(forward, environments, clock, meter);
  const hedging = hedgeCalls(watched, environments, clock);
  const retrying = retryCalls(hedging.call, watched.call, clock, random);
  const warming = keepWarm({ count, post, environments, clock, random, log });
  return {
    allocate: insightApart(
      batchItems(traced(shareLists(retrying.call)), clock, watched.slowMs, meter),
      traced(retryCalls(forward, forward, clock, random).call),
    ),
    stats: () => {
      const { hedged, won } = hedging.stats();
      return {
        calls: watched.made(),
        hedged,
        hedgesWon: won,
        retried: retrying.retried(),
        warmCalls: warming.made(),
        failures: failures.read(),
        attempts: failures.attempts(),
      };
    },
    stop: warming.stop,
  };
}

/** To the same code in this process, which has its own ways with what hangs or fails. */
export function reachOwn(
  allocate: Allocate,
  clock: Clock,
  options: Pick<FunctionOptions, 'meter' | 'traced'> = {},
): Way {
  const { meter = UNMEASURED, traced = untraced } = options;
  const failures = createFailureCounter();
  const own = failures.watch(allocate);
  const watched = watchCalls(own, createEnvironments(clock), clock, meter);
  const batched = batchItems(traced(shareLists(watched.call)), clock, watched.slowMs, meter);
  return {
    allocate: insightApart(batched, traced(own)),
    stats: () => {
      const none = { hedged: 0, hedgesWon: 0, retried: 0, warmCalls: 0 };
      return { calls: watched.made(), ...none, failures: failures.read(), attempts: failures.attempts() };
    },
    stop: () => undefined,
  };
}
