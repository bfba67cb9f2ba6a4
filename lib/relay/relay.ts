import { randomBytes } from 'node:crypto';
import type { Allocate } from '../api/allocate.ts';
import { logReply } from '../api/log-reply.ts';
import type { Op } from '../api/op.ts';
import { type Failure, failureReply, type Reply } from '../api/outcomes.ts';
import { DEFAULT_BUDGET_MS, FUNCTION_MARGIN_MS, REPLY_MARGIN_MS } from '../api/request-headers.ts';
import { type RunInTrace, type Trace, untraced } from '../api/trace.ts';
import type { Clock, Log } from '../app/ports.ts';
import { type AskOptions, askInTime, type Question } from './ask-in-time.ts';
import { type Counts, createCounter, sumFailed } from './counts.ts';
import { createDeadlines } from './deadlines.ts';
import type { Asking, Endpoint } from './endpoints.ts';
import { limitRate } from './limit-rate.ts';
import { type Asked, type RelayMessage, readMessage, readMessageTrace } from './read-message.ts';
import { createReplySender } from './send-reply.ts';
import { createTokenBucket, type RateLimit } from './token-bucket.ts';
import { waitForCapacity } from './wait-for-capacity.ts';

export interface Relay {
  /** Opens one more endpoint. */
  serve(asking: Endpoint | Asking): ServedEndpoint;
  /** Messages taken and not answered yet. */
  inFlight(): number;
  /** Ends the waiting for capacity, and resolves when no message is in flight. */
  finish(): Promise<void>;
  stats(): RelayStats;
  /** Of each endpoint, since the start. */
  countsByOp(): readonly (Counts & { readonly op: Op })[];
}

export interface ServedEndpoint {
  /** Takes one message and sees to it that it is answered once, before its deadline. Never throws. */
  handle(message: RelayMessage): void;
  counts(): Counts;
}

/** Of all endpoints but the console's together, since the start. */
export interface RelayStats extends Pick<Counts, 'failed'> {
  readonly received: number;
  /** Replies that came from the function after the message had been answered without them. */
  readonly late: number;
  /** Replies that could not be handed over for sending. */
  readonly unsent: number;
  /** Messages refused because too many were under way. */
  readonly overloaded: number;
  /** Messages refused because more came than the rate limit lets through. */
  readonly rateLimited: number;
}

export interface RelayOptions {
  readonly allocate: Allocate;
  /** One that no time synchronisation sets back or forth: deadlines are counted on it. */
  readonly clock: Clock;
  readonly log: Log;
  /** Messages under way at once. Beyond it an answer in time is unlikely, so that none is tried. */
  readonly maxInFlight: number;
  /** How many requests are taken of those that come; events always are, since they free what a flood fills. */
  readonly rateLimit?: RateLimit;
  readonly onReply?: AskOptions['onReply'];
  /** Carries out the work for a message in its trace. */
  readonly runInTrace?: RunInTrace;
  /** Told of every request's reply but the console's, and of the time from its receipt. Must not throw. */
  readonly onEnd?: (reply: Reply, tookMs: number) => void;
}

/** How long a reply is of use to a caller that has not said how long it waits, ms from the receipt of its message. */
const DEFAULT_REPLY_MS = DEFAULT_BUDGET_MS + FUNCTION_MARGIN_MS;

/** Makes the relay between a message system and `allocate`: it checks, keeps the time, and replies once. */
export function createRelay(options: RelayOptions): Relay {
  const { allocate, clock, log, maxInFlight, rateLimit, onReply = () => undefined, onEnd } = options;
  const { runInTrace = untraced } = options;
  const deadlines = createDeadlines(clock);
  const { ask, late } = askInTime({ allocate, deadlines, clock, log, onReply });
  const waiting = waitForCapacity(ask, deadlines, clock);
  const replies = createReplySender(log);
  const endpoints: (ServedEndpoint & { readonly op: Op })[] = [];
  const withinRate = rateLimit === undefined ? undefined : createTokenBucket(rateLimit, clock);
  const processId = randomBytes(8).toString('hex');
  let received = 0;
  let fromConsole = 0;
  let inFlight = 0;
  let overloaded = 0;
  let rateLimited = 0;
  const waitingForIdle: (() => void)[] = [];
  const logOverload = limitRate(clock, 1000, (refused) => log.warning('overloaded', { refused, in_flight: inFlight }));
  const logRateLimited = limitRate(clock, 1000, (refused) => log.warning('rate_limited', { refused }));

  function serve(asking: Endpoint | Asking): ServedEndpoint {
    const { kind } = asking;
    const counter = createCounter();

    function handle(message: RelayMessage): void {
      const trace = readMessageTrace(message);
      runInTrace(trace, () => take(message, trace));
    }

    function take(message: RelayMessage, trace: Trace | undefined): void {
      const receivedAtMs = clock();
      received += 1;
      if (kind === 'console') fromConsole += 1;
      counter.received();
      const end = (reply: Reply, usefulUntilMs: number) => {
        const tookMs = clock() - receivedAtMs;
        counter.ended(reply, tookMs);
        if (kind === 'request') onEnd?.(reply, tookMs);
        if (kind !== 'event') replies.send(message, reply, usefulUntilMs, trace?.context.traceparent);
        logReply(log, asking.op, reply, tookMs);
      };
      const refuse = (failure: Failure) => end(failureReply(failure), receivedAtMs + DEFAULT_REPLY_MS);
      if (kind === 'request' && withinRate?.() === false) {
        rateLimited += 1;
        refuse({ code: 'overloaded' });
        logRateLimited(undefined);
        return;
      }
      if (inFlight >= maxInFlight) {
        overloaded += 1;
        refuse({ code: 'overloaded' });
        logOverload(undefined);
        return;
      }
      const read = readMessage(message, asking);
      if ('failure' in read) {
        refuse(read.failure);
        return;
      }
      inFlight += 1;
      const deadlineMs = receivedAtMs + read.value.timeoutMs - REPLY_MARGIN_MS;
      void carryOut(read.value, asking, trace, receivedAtMs, deadlineMs).then((reply) => {
        end(reply, deadlineMs);
        release();
      });
    }

    const served = { handle, counts: counter.read };
    if (kind !== 'console') endpoints.push({ ...served, op: asking.op });
    return served;
  }

  /** Never rejects. */
  function carryOut(
    { request }: Asked,
    { op, service }: Asking,
    trace: Trace | undefined,
    receivedAtMs: number,
    deadlineMs: number,
  ): Promise<Reply> {
    const question: Question = {
      op,
      ...(service === undefined ? {} : { service }),
      request,
      attempt: `${processId}-${received}`,
      ...trace?.context,
    };
    const waitMs = op === 'assign' && 'settings' in request ? request.settings?.wait_ms : undefined;
    if (waitMs === undefined) return ask(question, deadlineMs);
    return waiting.ask(question, deadlineMs, Math.min(deadlineMs, receivedAtMs + waitMs));
  }

  function release(): void {
    inFlight -= 1;
    if (inFlight > 0) return;
    for (const resolve of waitingForIdle.splice(0)) resolve();
  }

  return {
    serve,
    inFlight: () => inFlight,
    finish: () => {
      waiting.stop();
      return inFlight === 0 ? Promise.resolve() : new Promise((resolve) => void waitingForIdle.push(resolve));
    },
    stats: () => ({
      received: received - fromConsole,
      failed: sumFailed(endpoints.map(({ counts }) => counts())),
      late: late(),
      unsent: replies.unsent(),
      overloaded,
      rateLimited,
    }),
    countsByOp: () => endpoints.map(({ op, counts }) => ({ op, ...counts() })),
  };
}
