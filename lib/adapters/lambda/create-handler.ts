import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { answerHeaders } from '../../api/answer-headers.ts';
import { FAILURES, type Failure, failureReply } from '../../api/outcomes.ts';
import type { Page } from '../../api/page.ts';
import { DEFAULT_BUDGET_MS, FUNCTION_MARGIN_MS, REPLY_MARGIN_MS, readTimeoutMs } from '../../api/request-headers.ts';
import { parseJson } from '../../api/schema.ts';
import { type RunInTrace, readTrace, type Trace, untraced } from '../../api/trace.ts';
import type { Clock, Log } from '../../app/ports.ts';
import { type Invocation, readEvent } from './read-event.ts';

/** What a route does with a request, once it is known to be allowed in and to be JSON. */
export interface Route {
  /** Anybody may ask. */
  readonly open?: true;
  /** A larger body is `too_large`. Absent: it takes no body. */
  readonly maxBodyBytes?: number;
  /** A request without a body is taken as one with `{}` in it. */
  readonly bodyMayBeAbsent?: true;
  /** The time it may take, ms, where its request says that in its own way; else `Timeout-Ms` does. */
  readonly timeLimitMs?: number;
  /** Over HTTP a success is this page, and not what `run` answers. */
  readonly page?: Page;
  /**
   * Answers `request`, which is any JSON value. The answer is sent as JSON, with the status of its failure where it is
   * a failure reply.
   */
  run(request: unknown, call: Call): Promise<object>;
}

export interface Call {
  /** The route of an HTTP API by which it came, and what stands in the path for its parameters; see Invocation. */
  readonly routeKey: string;
  readonly parameters: Readonly<Record<string, string | undefined>>;
  /** Time that is left for the answer, ms. */
  readonly budgetMs: number;
  /** Time since AWS received the request, ms. */
  readonly spentMs: number;
  readonly signal: AbortSignal;
}

export interface HandlerOptions {
  /** Whether a bearer header lets its sender in, found out within `waitMs`; a failure when that cannot be told now. */
  readonly authorise: (authorization: string | undefined, waitMs: number) => Promise<Failure | undefined>;
  readonly clock: Clock;
  readonly log: Log;
  /** Carries out the work for a request in its trace. */
  readonly runInTrace?: RunInTrace;
}

export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type LambdaHandler = (event: unknown, context: Context) => Promise<HttpAnswer | object>;

const HTML = 'text/html; charset=utf-8';

/** Kept back from Lambda's own limit for sending the answer, ms. */
const LAMBDA_MARGIN_MS = 100;

interface Task {
  readonly invocation: Invocation;
  readonly startedAtMs: number;
  readonly spentMs: number;
  readonly budgetMs: number;
}

/** A failure on its way to the one place that turns it into an answer. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.code);
    this.failure = failure;
  }
}

/** A Lambda handler for HTTP events and plain invokes: lets in, reads, runs, and answers inside the caller's time. */
export function createHandler(route: Route, options: HandlerOptions): LambdaHandler {
  const { authorise, clock, log, runInTrace = untraced } = options;
  // middy's early timeout is the last resort for a route that overstays: its own calls end before.
  const run = middy<Task, object>({
    timeoutEarlyInMillis: 1,
    timeoutEarlyResponse: () => failureReply({ code: 'deadline_exceeded' }),
  })
    .before(async ({ event: { invocation } }) => {
      if (route.open || invocation.iam) return;
      // Not the caller's own limit: somebody in a hurry would be let in by tokens that nobody had the time to look up anew.
      const refusal = await authorise(invocation.headers['authorization'], DEFAULT_BUDGET_MS);
      if (refusal !== undefined) throw new Refused(refusal);
    })
    .onError((request) => {
      const { error } = request;
      if (error instanceof Refused) log.debug('request_refused', { outcome: error.failure.code });
      else log.error('handler_failed', {}, error);
      // An unexpected failure may have come after the game was recorded: asking again finds out.
      request.response = failureReply(error instanceof Refused ? error.failure : { code: 'deadline_exceeded' });
    })
    .handler(async ({ invocation, startedAtMs, spentMs, budgetMs }, _context, { signal }) => {
      const request = readBody(invocation.body, route);
      const { routeKey, parameters } = invocation;
      const sinceMs = clock() - startedAtMs;
      const times = { budgetMs: budgetMs - sinceMs, spentMs: spentMs + sinceMs };
      return route.run(request, { routeKey, parameters, ...times, signal });
    });

  async function answer(invocation: Invocation, context: Context, startedAtMs: number): Promise<object> {
    const timeout = readTimeoutMs(invocation.headers['timeout-ms']);
    // The clocks of two machines differ: what seems to come from the future came just now.
    const spentMs = Math.max(0, startedAtMs - (invocation.receivedAtMs ?? startedAtMs));
    if ('failure' in timeout) {
      log.debug('request_refused', { outcome: timeout.failure.code });
      return failureReply(timeout.failure);
    }
    const limitMs = route.timeLimitMs ?? timeout.value - REPLY_MARGIN_MS - FUNCTION_MARGIN_MS;
    const budgetMs = Math.max(1, limitMs - spentMs);
    const task: Task = { invocation, startedAtMs, spentMs, budgetMs };
    const lambdaMs = context.getRemainingTimeInMillis() - LAMBDA_MARGIN_MS;
    const endMs = startedAtMs + Math.min(budgetMs + FUNCTION_MARGIN_MS, lambdaMs);
    const withBudget = { ...context, getRemainingTimeInMillis: () => endMs - clock() };
    return (await run(task, withBudget)) as object;
  }

  return async (event, context) => {
    const startedAtMs = clock();
    const invocation = readEvent(event);
    const trace = readTrace((name) => invocation.headers[name]);
    const reply = await runInTrace(trace, () => answer(invocation, context, startedAtMs));
    return invocation.via === 'http' ? toHttp(reply, trace, route.page) : reply;
  };
}

function readBody(body: Uint8Array, { maxBodyBytes, bodyMayBeAbsent }: Route): unknown {
  if (maxBodyBytes === undefined) return undefined;
  if (body.length > maxBodyBytes) {
    throw new Refused({ code: 'too_large', message: `The request must have at most ${maxBodyBytes} bytes.` });
  }
  if (body.length === 0 && bodyMayBeAbsent) return {};
  const json = parseJson(body);
  if ('failure' in json) throw new Refused(json.failure);
  return json.value;
}

function toHttp(reply: object, trace: Trace | undefined, page: Page | undefined): HttpAnswer {
  const code = 'code' in reply ? (reply.code as Failure['code']) : undefined;
  if (page !== undefined && code === undefined) {
    return { statusCode: 200, headers: { 'content-type': HTML, ...page.headers }, body: page.html };
  }
  const statusCode = code === undefined ? 200 : FAILURES[code].status;
  const headers = answerHeaders(statusCode, trace?.context.traceparent);
  return { statusCode, headers, body: JSON.stringify(reply) };
}
