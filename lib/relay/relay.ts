import { randomBytes } from 'node:crypto';
import type { Allocate } from '../api/allocate.ts';
import type { BatchItem } from '../api/batch.ts';
import { FAILURES, type Failure, type FailureCode, failureReply, type Reply } from '../api/outcomes.ts';
import { FUNCTION_MARGIN_MS, REPLY_MARGIN_MS } from '../api/request-headers.ts';
import type { Clock, Log } from '../app/ports.ts';
import { UpstreamError } from '../app/upstream-error.ts';
import { createDeadlines } from './deadlines.ts';
import { limitRate } from './limit-rate.ts';
import { type AssignMessage, type RelayMessage, type ReplyError, readMessage } from './read-message.ts';

/** Characters of a failure's message that fit the header that repeats it. */
const MAX_HEADER_CHARACTERS = 200;

/** Counts since the start. */
export interface RelayStats {
  readonly received: number;
  readonly succeeded: number;
  /** Failure replies by their code. */
  readonly failed: Readonly<Partial<Record<FailureCode, number>>>;
  /** Replies that came from the function after the message had been answered without them. */
  readonly late: number;
  /** Replies that could not be handed over for sending. */
  readonly unsent: number;
  /** From receipt to reply, ms, over every message that got one. */
  readonly answeringMs: number;
  /** The last failure's code and message. */
  readonly lastFailure: string | undefined;
}

export interface Relay {
  /** Takes one message and sees to it that it is answered once, before its deadline. Never throws. */
  handle(message: RelayMessage): void;
  /** Messages taken and not answered yet. */
  inFlight(): number;
  /** Resolves when no message is in flight. */
  idle(): Promise<void>;
  stats(): RelayStats;
}

export interface RelayOptions {
  readonly allocate: Allocate;
  /** One that no time synchronisation sets back or forth: deadlines are counted on it. */
  readonly clock: Clock;
  readonly log: Log;
  /** Messages under way at once. Beyond it an answer in time is unlikely, so that none is tried. */
  readonly maxInFlight: number;
}

/** Makes the relay between a message system and `allocate`: it checks, keeps the time, and replies once. */
export function createRelay({ allocate, clock, log, maxInFlight }: RelayOptions): Relay {
  const count = { received: 0, succeeded: 0, late: 0, unsent: 0, answeringMs: 0 };
  const failed: Partial<Record<FailureCode, number>> = {};
  let lastFailure: string | undefined;
  let inFlight = 0;
  const waitingForIdle: (() => void)[] = [];
  // A function that is down fails every message: one line a second says so, with how many it stands for.
  const logUnavailable = limitRate(clock, 1000, (failures, error) => {
    // What is refused stays refused until a person changes it, and anything else that is no UpstreamError is a defect.
    const passes = error instanceof UpstreamError && error.failure !== 'refused';
    log[passes ? 'warning' : 'error']('allocator_unavailable', { failures }, error);
  });
  const logOverload = limitRate(clock, 1000, (refused) => log.warning('overloaded', { refused, in_flight: inFlight }));
  const processId = randomBytes(8).toString('hex');
  const deadlines = createDeadlines(clock);

  function handle(message: RelayMessage): void {
    const receivedAtMs = clock();
    count.received += 1;
    const answer = answerOnce(message, receivedAtMs);
    if (inFlight >= maxInFlight) {
      answer(failureReply({ code: 'overloaded' }));
      logOverload(undefined);
      return;
    }
    const read = readMessage(message);
    if ('failure' in read) {
      answer(failureReply(read.failure));
      return;
    }
    inFlight += 1;
    const attempt = `${processId}-${count.received}`;
    const deadlineMs = receivedAtMs + read.value.timeoutMs - REPLY_MARGIN_MS;
    const settle = (reply: Reply) => {
      deadline.cancel();
      if (answer(reply)) release();
    };
    const deadline = deadlines.at(deadlineMs, () => settle(failureReply({ code: 'deadline_exceeded' })));
    carryOut(read.value, attempt, deadlineMs, deadline.signal).then(
      (reply) => {
        if (deadline.signal.aborted) count.late += 1;
        settle(reply);
      },
      (error: unknown) => {
        // Past the deadline it failed because it was told to stop.
        if (!deadline.signal.aborted) logUnavailable(error);
        settle(failureReply(toFailure(error)));
      },
    );
  }

  function release(): void {
    inFlight -= 1;
    if (inFlight > 0) return;
    for (const resolve of waitingForIdle.splice(0)) resolve();
  }

  async function carryOut(
    { request, traceparent }: AssignMessage,
    attempt: string,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<Reply> {
    const item: BatchItem = {
      op: 'assign',
      request,
      budget_ms: Math.max(0, Math.floor(deadlineMs - clock() - FUNCTION_MARGIN_MS)),
      attempt,
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    const replies = await allocate([item], signal);
    const reply = replies[0];
    if (reply === undefined || replies.length > 1) throw new UpstreamError('allocator', 'invalid_body');
    return reply;
  }

  /** The latch: the first reply is sent and true returned; every later one is dropped. */
  function answerOnce(message: RelayMessage, receivedAtMs: number): (reply: Reply) => boolean {
    let answered = false;
    return (reply) => {
      if (answered) return false;
      answered = true;
      count.answeringMs += clock() - receivedAtMs;
      if (reply.success) {
        count.succeeded += 1;
      } else {
        failed[reply.code] = (failed[reply.code] ?? 0) + 1;
        lastFailure = `${reply.code}: ${reply.message}`;
      }
      if (message.reply !== undefined) send(message.reply, reply);
      return true;
    };
  }

  function send(sendReply: NonNullable<RelayMessage['reply']>, reply: Reply): void {
    try {
      sendReply(encode(reply), headersOf(reply));
    } catch (error) {
      log.warning('reply_refused', {}, error);
      try {
        // What a message system refuses is a reply over its size limit: a short one tells the caller that much.
        const short = failureReply({ code: 'upstream_unavailable', message: 'The answer is too large to be sent.' });
        sendReply(encode(short), headersOf(short));
      } catch (shortError) {
        count.unsent += 1;
        log.error('reply_not_sent', {}, shortError);
      }
    }
  }

  return {
    handle,
    inFlight: () => inFlight,
    idle: () =>
      inFlight === 0 ? Promise.resolve() : new Promise((resolve) => void waitingForIdle.push(() => resolve())),
    stats: () => ({ ...count, failed: { ...failed }, lastFailure }),
  };
}

/** What to tell the caller when no reply could be had from the function, or from the same code in this process. */
function toFailure(error: unknown): Failure {
  const mayHaveHappened = error instanceof UpstreamError && error.outcome === 'unknown';
  return { code: mayHaveHappened ? 'deadline_exceeded' : 'upstream_unavailable' };
}

const encoder = new TextEncoder();

function encode(reply: Reply): Uint8Array {
  return encoder.encode(JSON.stringify(reply));
}

/** Line breaks and control characters would make the message system refuse the header, and with it the reply. */
function headersOf(reply: Reply): ReplyError | undefined {
  if (reply.success) return undefined;
  const line = reply.message.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  const message = line.length <= MAX_HEADER_CHARACTERS ? line : [...line].slice(0, MAX_HEADER_CHARACTERS).join('');
  return { message, status: FAILURES[reply.code].status };
}
