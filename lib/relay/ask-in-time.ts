import type { Allocate } from '../api/allocate.ts';
import type { BatchItem } from '../api/batch.ts';
import type { Op } from '../api/op.ts';
import { type Failure, failureReply, type Reply } from '../api/outcomes.ts';
import { FUNCTION_MARGIN_MS } from '../api/request-headers.ts';
import type { Clock, Log } from '../app/ports.ts';
import { UpstreamError } from '../app/upstream-error.ts';
import type { Deadlines } from './deadlines.ts';
import { limitRate } from './limit-rate.ts';
import type { Asked } from './read-message.ts';

/** An item whose request has been checked; its budget follows from the time at which it is sent. */
export interface Question extends Omit<BatchItem, 'budget_ms'> {
  readonly op: Op;
  readonly request: Asked['request'];
}

/** Asks once. Resolves to a reply at `deadlineMs`, at the latest; never rejects. */
export type Ask = (question: Question, deadlineMs: number) => Promise<Reply>;

export interface AskOptions {
  readonly allocate: Allocate;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of every reply that `allocate` gave, also of one that came too late. Must not throw. */
  readonly onReply: (question: Question, reply: Reply) => void;
}

/** Makes an Ask of `allocate`, whose answers may be late and whose errors say what may have happened. */
export function askInTime({ allocate, deadlines, clock, log, onReply }: AskOptions): {
  readonly ask: Ask;
  /** Replies that came after their deadline. */
  late(): number;
} {
  let late = 0;
  // A function that is down fails every message: one line a second says so, with how many it stands for.
  const logUnavailable = limitRate(clock, 1000, (failures, error) => {
    // What is refused stays refused until a person changes it, and anything else that is no UpstreamError is a defect.
    const passes = error instanceof UpstreamError && error.failure !== 'refused';
    log[passes ? 'warning' : 'error']('allocator_unavailable', { failures }, error);
  });

  async function askOnce(question: Question, deadlineMs: number, signal: AbortSignal): Promise<Reply> {
    const budgetMs = Math.max(0, Math.floor(deadlineMs - clock() - FUNCTION_MARGIN_MS));
    const replies = await allocate([{ ...question, budget_ms: budgetMs }], signal);
    const reply = replies[0];
    if (reply === undefined || replies.length > 1) throw new UpstreamError('allocator', 'invalid_body');
    return reply;
  }

  const ask: Ask = (question, deadlineMs) =>
    new Promise((resolve) => {
      const deadline = deadlines.at(deadlineMs, () => resolve(failureReply({ code: 'deadline_exceeded' })));
      askOnce(question, deadlineMs, deadline.signal).then(
        (reply) => {
          if (deadline.signal.aborted) late += 1;
          deadline.cancel();
          onReply(question, reply);
          resolve(reply);
        },
        (error: unknown) => {
          // Past the deadline it failed because it was told to stop.
          if (!deadline.signal.aborted) logUnavailable(error);
          deadline.cancel();
          resolve(failureReply(toFailure(error)));
        },
      );
    });

  return { ask, late: () => late };
}

/** What to tell the caller when no reply could be had from the function, or from the same code in this process. */
function toFailure(error: unknown): Failure {
  const mayHaveHappened = error instanceof UpstreamError && error.outcome === 'unknown';
  return { code: mayHaveHappened ? 'deadline_exceeded' : 'upstream_unavailable' };
}
