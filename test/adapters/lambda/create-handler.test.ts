import { expect, it } from 'vitest';
import {
  type Call,
  createHandler,
  type HandlerOptions,
  type HttpAnswer,
  type Route,
} from '../../../lib/adapters/lambda/create-handler.ts';
import { createLog } from '../../../lib/adapters/log/create-log.ts';
import { createTraceScope } from '../../../lib/adapters/trace/trace-scope.ts';
import { FAILURES, type FailureCode, failureReply } from '../../../lib/api/outcomes.ts';
import { fakeLog, type HttpEventOptions, httpEvent, lambdaContext, NOW_MS } from '../../support/fakes.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

function setUp({ route = {}, ...options }: { route?: Partial<Route> } & Partial<HandlerOptions> = {}) {
  const runs: { readonly request: unknown; readonly call: Call }[] = [];
  const authorisations: (readonly [string | undefined, number])[] = [];
  const log = fakeLog();
  const run: Route['run'] = route.run ?? (() => Promise.resolve({ fine: true }));
  const handler = createHandler(
    {
      maxBodyBytes: 100,
      ...route,
      run(request, call) {
        runs.push({ request, call });
        return run(request, call);
      },
    },
    {
      clock: () => NOW_MS,
      log,
      ...options,
      authorise(header, waitMs) {
        authorisations.push([header, waitMs]);
        return options.authorise?.(header, waitMs) ?? Promise.resolve(undefined);
      },
    },
  );
  return {
    runs,
    authorisations,
    log,
    invoke: (event: unknown) => handler(event, lambdaContext()),
    /** Sends an HTTP event; the body is read from the answer. */
    async ask(event: HttpEventOptions = {}) {
      const { body, ...answer } = (await handler(httpEvent({ body: '{}', ...event }), lambdaContext())) as HttpAnswer;
      return { ...answer, body: JSON.parse(body), text: body };
    },
  };
}

it('answers an HTTP event with JSON', async () => {
  const { ask, runs } = setUp();

  expect(await ask({ body: '{"a":1}' })).toMatchObject({
    statusCode: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: { fine: true },
  });
  expect(runs).toMatchObject([{ request: { a: 1 }, call: { budgetMs: 435, spentMs: 0 } }]);
});

it('answers a plain invoke with the reply itself, without asking for a token', async () => {
  const { invoke, runs, authorisations } = setUp({ authorise: () => Promise.resolve({ code: 'unauthorised' }) });

  expect(await invoke({ game_id: 'a' })).toEqual({ fine: true });

  expect(runs).toMatchObject([{ request: { game_id: 'a' }, call: { budgetMs: 435, spentMs: 0 } }]);
  expect(authorisations).toEqual([]);
});

it('answers a failed plain invoke with the failure itself', async () => {
  const { invoke } = setUp();

  expect(await invoke({ long: 'x'.repeat(100) })).toMatchObject({ success: false, code: 'too_large' });
  expect(await invoke(JSON.parse('['.repeat(300_000) + ']'.repeat(300_000)))).toMatchObject({
    code: 'invalid_request',
  });
});

it('lets in who comes through IAM', async () => {
  const { ask, authorisations } = setUp({ authorise: () => Promise.resolve({ code: 'unauthorised' }) });

  expect((await ask({ iam: true })).statusCode).toBe(200);
  expect(authorisations).toEqual([]);
});

it('takes as long for a token as it needs, however little time a caller gives it', async () => {
  const { ask, authorisations } = setUp();

  await ask({ headers: { authorization: 'Bearer x' }, timeEpoch: NOW_MS - 100 });
  await ask({ headers: { 'timeout-ms': '100' } });
  await ask({ headers: { 'timeout-ms': '10000' } });

  expect(authorisations).toEqual([
    ['Bearer x', 435],
    [undefined, 435],
    [undefined, 435],
  ]);
});

it('turns away who is not allowed in before it looks at the body', async () => {
  const { ask, runs } = setUp({ authorise: () => Promise.resolve({ code: 'unauthorised' }) });

  for (const body of ['{}', 'not JSON', 'x'.repeat(1000)]) {
    expect(await ask({ body })).toMatchObject({
      statusCode: 401,
      headers: { 'www-authenticate': 'Bearer' },
      body: failureReply({ code: 'unauthorised' }),
    });
  }
  expect(runs).toEqual([]);
});

it('says so where nobody can tell who is allowed in', async () => {
  const { ask, runs } = setUp({ authorise: () => Promise.resolve({ code: 'upstream_unavailable' }) });

  expect(await ask()).toMatchObject({ statusCode: 503, body: { code: 'upstream_unavailable' } });
  expect(runs).toEqual([]);
});

it('lets anybody ask an open route', async () => {
  const { ask, authorisations } = setUp({ route: { open: true } });

  expect((await ask()).statusCode).toBe(200);
  expect(authorisations).toEqual([]);
});

it('counts the bytes of a body, not its characters', async () => {
  const { ask } = setUp();
  const ofBytes = (count: number) => `"${'ж'.repeat((count - 2) / 2)}"`;

  expect((await ask({ body: ofBytes(100) })).statusCode).toBe(200);
  expect(await ask({ body: ofBytes(102) })).toMatchObject({
    statusCode: 413,
    body: { code: 'too_large', message: 'The request must have at most 100 bytes.', retryable: false },
  });
});

it('counts a body in base64 as what it decodes to', async () => {
  const { ask, runs } = setUp();
  const encoded = (text: string) => ({ body: Buffer.from(text).toString('base64'), base64: true });

  expect((await ask(encoded(`"${'x'.repeat(98)}"`))).statusCode).toBe(200);
  expect((await ask(encoded(`"${'x'.repeat(99)}"`))).statusCode).toBe(413);
  expect(runs).toMatchObject([{ request: 'x'.repeat(98) }]);
});

it.each([
  { body: '' },
  { body: '{"a":' },
  { body: '\ufeff{}' },
  { body: '{}', base64: true },
  { body: '!!!', base64: true },
  { body: Buffer.from([0xff, 0xfe]).toString('base64'), base64: true },
])('refuses a body that is not JSON: %j', async (event) => {
  const { ask, runs } = setUp();

  expect(await ask(event)).toMatchObject({
    statusCode: 400,
    body: { code: 'invalid_request', message: 'The request must be JSON text in UTF-8.' },
  });
  expect(runs).toEqual([]);
});

it('a route that takes no body does not look at it', async () => {
  const run = () => Promise.resolve({ fine: true });
  const { log } = setUp();
  const handler = createHandler({ run, open: true }, { authorise: async () => undefined, clock: () => NOW_MS, log });

  expect(await handler(httpEvent({ body: 'not JSON' }), lambdaContext())).toMatchObject({ statusCode: 200 });
});

it.each(Object.keys(FAILURES) as FailureCode[])('sends a reply of %s with its status', async (code) => {
  const { ask } = setUp({ route: { run: () => Promise.resolve(failureReply({ code })) } });

  const { statusCode, headers, body } = await ask();

  expect(statusCode).toBe(FAILURES[code].status);
  expect(body).toEqual(failureReply({ code }));
  expect(headers['retry-after']).toBe(statusCode === 429 ? '1' : undefined);
  expect(headers['www-authenticate']).toBe(statusCode === 401 ? 'Bearer' : undefined);
});

it.each([
  ['100', 35],
  ['500', 435],
  ['2000', 1935],
  ['10000', 9935],
])('a Timeout-Ms of %s leaves a budget of %i ms', async (timeout, budgetMs) => {
  const { ask, runs } = setUp();

  await ask({ headers: { 'timeout-ms': timeout } });

  expect(runs[0]?.call.budgetMs).toBe(budgetMs);
});

it.each(['99', '10001', 'soon', ''])('refuses a Timeout-Ms of %j before anything else', async (timeout) => {
  const { ask, runs, authorisations } = setUp();

  expect(await ask({ headers: { 'timeout-ms': timeout } })).toMatchObject({
    statusCode: 400,
    body: { message: 'Timeout-Ms must be a whole number from 100 to 10000.' },
  });
  expect([...runs, ...authorisations]).toEqual([]);
});

it.each([
  ['just now', NOW_MS, 435, 0],
  ['100 ms ago', NOW_MS - 100, 335, 100],
  ['in the future', NOW_MS + 5000, 435, 0],
  ['long ago', NOW_MS - 60_000, 1, 60_000],
  ['at an unknown time', undefined, 435, 0],
])('an event received %s', async (_case, timeEpoch, budgetMs, spentMs) => {
  const { ask, runs } = setUp();

  await ask(timeEpoch === undefined ? {} : { timeEpoch });

  expect(runs[0]?.call).toMatchObject({ budgetMs, spentMs });
});

it('takes what authorising took off the budget', async () => {
  let nowMs = NOW_MS;
  const { ask, runs } = setUp({
    clock: () => nowMs,
    authorise: async () => {
      nowMs += 60;
      return undefined;
    },
  });

  await ask({ timeEpoch: NOW_MS - 100 });

  expect(runs[0]?.call).toMatchObject({ budgetMs: 275, spentMs: 160 });
});

it('a route may set the time itself, whatever Timeout-Ms says', async () => {
  const { ask, runs } = setUp({ route: { timeLimitMs: 5000 } });

  await ask({ headers: { 'timeout-ms': '100' }, timeEpoch: NOW_MS - 100 });

  expect(runs[0]?.call.budgetMs).toBe(4900);
});

it('answers for a run that does not end, and aborts it', async () => {
  const { ask, runs, log } = setUp({ route: { run: () => new Promise(() => {}) } });

  expect(await ask({ headers: { 'timeout-ms': '100' } })).toMatchObject({
    statusCode: 504,
    body: failureReply({ code: 'deadline_exceeded' }),
  });
  expect(runs[0]?.call.signal.aborted).toBe(true);
  expect(log.lines).toEqual([]);
});

it('answers within 15 ms of the budget', async () => {
  const { ask } = setUp({ route: { run: () => new Promise(() => {}) }, clock: Date.now });
  const startedMs = performance.now();

  await ask({ headers: { 'timeout-ms': '200' } });

  // The end may be late on a loaded machine; too early it would cut off runs that are in time.
  expect(performance.now() - startedMs).toBeGreaterThan(135);
});

it('a run that fails after its answer was given disturbs nobody', async () => {
  const { ask, log } = setUp({
    route: {
      run: (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('late')));
        }),
    },
  });

  expect((await ask({ headers: { 'timeout-ms': '100' } })).statusCode).toBe(504);
  expect(log.lines).toEqual([]);
});

it.each<[string, Route['run']]>([
  ['rejects', () => Promise.reject(new Error('canary at https://user:canary@redis'))],
  [
    'throws',
    () => {
      throw new Error('canary');
    },
  ],
  ['rejects with no error', () => Promise.reject('canary')],
])('a run that %s unexpectedly is answered with 504, and leaks nothing', async (_case, run) => {
  const lines: string[] = [];
  const config = { service: 's', level: 'DEBUG', format: 'json', traceCaller: false } as const;
  const { ask } = setUp({ route: { run }, log: createLog(config, (line) => lines.push(line)) });

  const { statusCode, body, text } = await ask({
    body: '{"canary":1}',
    headers: { authorization: 'Bearer canary', traceparent: TRACEPARENT },
  });

  expect(statusCode).toBe(504);
  expect(body).toEqual(failureReply({ code: 'deadline_exceeded' }));
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'ERROR', event: 'handler_failed' }]);
  expect(text + lines.join()).not.toContain('canary');
});

it('answers when authorising fails unexpectedly, and lets nobody in', async () => {
  const { ask, runs, log } = setUp({ authorise: () => Promise.reject(new Error('canary')) });

  expect(await ask()).toMatchObject({ statusCode: 504 });
  expect(runs).toEqual([]);
  expect(log.lines).toMatchObject([{ level: 'error', event: 'handler_failed' }]);
});

it('logs what callers do wrong at DEBUG only', async () => {
  const { ask, log } = setUp({ authorise: () => Promise.resolve({ code: 'unauthorised' }) });

  await ask();
  await ask({ iam: true, body: 'not JSON' });
  await ask({ iam: true, body: 'x'.repeat(1000) });
  await ask({ iam: true, headers: { 'timeout-ms': '1' } });

  const refused = (outcome: string) => ({ level: 'debug', event: 'request_refused', fields: { outcome } });
  expect(log.lines).toMatchObject(['unauthorised', 'invalid_request', 'too_large', 'invalid_request'].map(refused));
});

it('does all its work in the trace of the request', async () => {
  const trace = { traceparent: TRACEPARENT, tracestate: 'a=b' };
  const lines: string[] = [];
  const scope = createTraceScope();
  const config = { service: 's', level: 'DEBUG', format: 'json', traceCaller: false } as const;
  const log = createLog({ ...config, trace: scope.ids }, (line) => lines.push(line));
  const seen: unknown[] = [];
  async function authorise() {
    await Promise.resolve();
    seen.push(scope.headers());
    return { code: 'unauthorised' } as const;
  }
  async function run(): Promise<object> {
    await Promise.resolve();
    seen.push(scope.headers());
    throw new Error('a defect');
  }
  const { ask } = setUp({ route: { run }, log, authorise, runInTrace: scope.within });

  await ask({ headers: trace });
  await ask({ iam: true, headers: trace });
  await ask({ iam: true });

  expect(seen).toEqual([trace, trace, undefined]);
  const id = TRACEPARENT.slice(3, 35);
  expect(lines.map((line) => JSON.parse(line)).map(({ event, trace }) => [event, trace])).toEqual([
    ['request_refused', id],
    ['handler_failed', id],
    ['handler_failed', undefined],
  ]);
});

it('returns a well-formed traceparent, with failures too', async () => {
  const { ask } = setUp();
  const headers = { traceparent: TRACEPARENT };

  expect((await ask({ headers })).headers['traceparent']).toBe(TRACEPARENT);
  expect((await ask({ headers, body: '' })).headers['traceparent']).toBe(TRACEPARENT);
});

it.each(['x', `${TRACEPARENT}\r\nset-cookie: x`, TRACEPARENT.toUpperCase()])(
  'does not return the traceparent %j',
  async (traceparent) => {
    const { ask } = setUp();

    const { headers } = await ask({ headers: { traceparent } });

    expect(headers).not.toHaveProperty('traceparent');
  },
);

it('serves two invocations at once, each with its own time', async () => {
  const { ask, runs } = setUp();

  await Promise.all([ask({ headers: { 'timeout-ms': '200' } }), ask({ timeEpoch: NOW_MS - 10 })]);

  expect(runs.map(({ call }) => call.budgetMs).toSorted()).toEqual([135, 425]);
});

it('answers before Lambda ends the invocation, whatever the route may take', async () => {
  const run = () => new Promise<object>(() => {});
  const options = { authorise: async () => undefined, clock: Date.now, log: fakeLog() };
  const handler = createHandler({ timeLimitMs: 10_000, run }, options);

  const answer = await handler(httpEvent(), lambdaContext(150));

  expect(answer).toMatchObject({ statusCode: 504 });
});
