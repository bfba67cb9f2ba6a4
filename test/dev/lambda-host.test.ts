import { createHash } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import aws4 from 'aws4';
import { afterEach, expect, it } from 'vitest';
import {
  type LambdaHost,
  type LambdaHostOptions,
  type LambdaHostStatus,
  startLambdaHost,
} from '../../dev/lambda-host/start-lambda-host.ts';

const root = fileURLToPath(new URL('./fixtures/lambda', import.meta.url));
const hosts: LambdaHost[] = [];

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
});

it('gives a route of the HTTP API its request as payload format 2.0', async () => {
  const host = await start();

  const { status, json } = await post(`${host.url}/echo?a=1&a=2&b=%20x`, '{"x":1}', { 'X-Some': 'Héder' });

  expect(status).toBe(200);
  expect(json.event).toMatchObject({
    version: '2.0',
    routeKey: 'POST /echo',
    rawPath: '/echo',
    rawQueryString: 'a=1&a=2&b=%20x',
    queryStringParameters: { a: '1,2', b: ' x' },
    headers: { 'content-type': 'application/json', 'x-some': 'Héder' },
    requestContext: { stage: '$default', routeKey: 'POST /echo', http: { method: 'POST', path: '/echo' } },
    body: '{"x":1}',
    isBase64Encoded: false,
  });
  expect(Date.now() - json.event.requestContext.timeEpoch).toBeLessThan(30_000);
  expect(json.event.requestContext.authorizer).toBeUndefined();
});

it('hands over a body that is not text in base64, and no body key where there is none', async () => {
  const host = await start();

  const binary = await post(`${host.url}/echo`, Buffer.from([0, 255, 10]), { 'content-type': 'application/x-binary' });
  const empty = await post(`${host.url}/echo`, '');

  expect(binary.json.event).toMatchObject({ body: 'AP8K', isBase64Encoded: true });
  expect(empty.json.event).not.toHaveProperty('body');
  expect(empty.json.event.isBase64Encoded).toBe(false);
});

it('decodes path parameters and answers 404 as API Gateway does where no route fits', async () => {
  const host = await start();

  const found = await call(`${host.url}/games/%D1%91%2F1`);
  const missing = await call(`${host.url}/games/1/2`);
  const wrongMethod = await call(`${host.url}/echo`);

  expect(found.json.event).toMatchObject({ routeKey: 'GET /games/{game_id}', pathParameters: { game_id: 'ё/1' } });
  expect(missing).toMatchObject({ status: 404, json: { message: 'Not Found' } });
  expect(wrongMethod.status).toBe(404);
});

it('serves the function URL on any path, with the caller that IAM let in only where told to', async () => {
  const open = await start();
  const guarded = await start({ iam: true });

  const plain = await post(`${open.functionUrl}batch`, '{}');
  const signed = await post(`${guarded.functionUrl}batch`, '{}');
  const overApi = await post(`${guarded.url}/echo`, '{}');

  expect(plain.json.event).toMatchObject({ version: '2.0', routeKey: '$default', rawPath: '/batch', body: '{}' });
  expect(plain.json.event.requestContext.authorizer).toBeUndefined();
  expect(signed.json.event.requestContext.authorizer.iam.userArn).toContain('relay');
  expect(overApi.json.event.requestContext.authorizer).toBeUndefined();
});

const KEYS = { accessKeyId: 'AKIALOCAL', secretAccessKey: 'canary-secret' };
const NOW = () => new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');

/** Posts to the function URL, signed by aws4's own rules; `change` is applied to what was signed. */
async function postSigned(
  host: LambdaHost,
  {
    keys = KEYS,
    date = NOW(),
    service = 'lambda',
    path = '/batch',
    more = {},
    change = (headers: Record<string, string>) => headers,
  } = {},
  body = '{"a":1}',
) {
  const signed = aws4.sign(
    {
      host: new URL(host.functionUrl ?? '').host,
      method: 'POST',
      path: '/batch',
      service,
      region: 'eu-central-1',
      headers: { 'X-Amz-Date': date, 'content-type': 'application/json', ...more },
      body: Buffer.from('{"a":1}'),
      extraHeadersToIgnore: {},
    },
    keys,
  );
  const { Host, 'Content-Length': length, ...headers } = signed.headers;
  return post(`${host.functionUrl?.slice(0, -1)}${path}`, body, change(headers));
}

it('lets in through the function URL who has signed with the keys that it knows', async () => {
  const host = await start({ iam: KEYS });

  const answer = await postSigned(host);

  expect(answer).toMatchObject({ status: 200, json: { event: { body: '{"a":1}' } } });
  expect(answer.json.event.requestContext.authorizer.iam.userArn).toContain('relay');
});

it.each([
  ['no signature', { change: () => ({}) }, 'Forbidden'],
  ['a bearer token', { change: () => ({ authorization: 'Bearer x' }) }, 'Forbidden'],
  ['another access key', { keys: { ...KEYS, accessKeyId: 'AKIAOTHER' } }, 'The security token included'],
  ['another secret', { keys: { ...KEYS, secretAccessKey: 'other' } }, 'The request signature we calculated'],
  ['another path', { path: '/other' }, 'The request signature we calculated'],
  ['another query', { path: '/batch?a=1' }, 'The request signature we calculated'],
  ['another service', { service: 's3' }, 'Forbidden'],
  ['an old date', { date: '20200101T000000Z' }, 'Signature expired'],
  ['a date to come', { date: '20990101T000000Z' }, 'Signature not yet current'],
  [
    'a header of AWS that is not signed',
    { change: (headers: Record<string, string>) => ({ ...headers, 'x-amz-security-token': 't' }) },
    'Host and X-Amz',
  ],
  [
    'another content type',
    { change: (headers: Record<string, string>) => ({ ...headers, 'content-type': 'text/plain' }) },
    'The request signature we calculated',
  ],
])('answers 403 with the time, as AWS does, to %s', async (_name, options, message) => {
  const host = await start({ iam: KEYS });

  const answer = await postSigned(host, options);

  expect(answer.status).toBe(403);
  expect(answer.json.Message).toContain(message);
  expect(Math.abs(Date.parse(answer.headers.get('date') ?? '') - Date.now())).toBeLessThan(60_000);
  expect(host.counters['echo']?.invocations).toBe(0);
});

it.each([
  ['the signature alone', {}],
  ['a header', { 'x-amz-content-sha256': createHash('sha256').update('{"a":1}').digest('hex') }],
])('answers 403 to another body than the one that was signed, by %s', async (_name, more) => {
  const host = await start({ iam: KEYS });

  expect((await postSigned(host, { more })).status).toBe(200);
  expect((await postSigned(host, { more }, '{"a":2}')).status).toBe(403);
});

it('gives the function what Lambda gives it: context, variables, and nothing of the host', async () => {
  process.env['NOT_FOR_FUNCTIONS'] = 'x';
  const host = await start({ env: { CONSUL_URL: 'http://127.0.0.1:1' } });

  const { json } = await invoke(host, 'echo', { some: 'event' });

  expect(json.event).toEqual({ some: 'event' });
  expect(json.context).toMatchObject({ functionName: 'fixture-local-echo', functionVersion: '$LATEST' });
  expect(json.context.awsRequestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(json.context.invokedFunctionArn).toMatch(/:function:fixture-local-echo$/);
  expect(json.context.remainingMs).toBeGreaterThan(0);
  expect(json.context.remainingMs).toBeLessThanOrEqual(6000);
  expect(json.env).toMatchObject({ CONSUL_URL: 'http://127.0.0.1:1', AWS_LAMBDA_FUNCTION_NAME: 'fixture-local-echo' });
  expect(json.env.NOT_FOR_FUNCTIONS).toBeUndefined();
});

it.each([
  { returned: { statusCode: 201, headers: { 'X-A': 'b' }, body: 'hi' }, status: 201, text: 'hi', header: 'b' },
  { returned: { statusCode: 200, body: 'aGk=', isBase64Encoded: true }, status: 200, text: 'hi', header: null },
  { returned: { some: 'object' }, status: 200, text: '{"some":"object"}', header: null },
  { returned: 'text', status: 200, text: 'text', header: null },
])('turns what the function returned ($returned) into a response', async ({ returned, status, text, header }) => {
  const host = await start();

  const response = await post(`${host.url}/act`, JSON.stringify({ what: 'answer', value: returned }));

  expect(response).toMatchObject({ status, text });
  expect(response.headers.get('x-a')).toBe(header);
});

it('invokes plainly by either name: 200 with X-Amz-Function-Error for an error, 404 for an unknown name', async () => {
  const host = await start();

  const answered = await invoke(host, 'fixture-local-act', { what: 'answer', value: { fine: true } });
  const thrown = await invoke(host, 'act', { what: 'throw' });
  const unknown = await invoke(host, 'nobody', {});
  const garbage = await post(`${host.url}/2015-03-31/functions/act/invocations`, '{');

  expect(answered).toMatchObject({ status: 200, json: { fine: true } });
  expect(answered.headers.get('x-amz-function-error')).toBeNull();
  expect(thrown).toMatchObject({ status: 200, json: { errorType: 'RangeError', errorMessage: 'out of games' } });
  expect(thrown.headers.get('x-amz-function-error')).toBe('Unhandled');
  expect(unknown.status).toBe(404);
  expect(garbage.status).toBe(400);
});

it('answers 502 for an environment that throws, exits or loses a promise, and is well again after', async () => {
  const host = await start();

  const statuses = [];
  for (const what of ['throw', 'exit', 'reject-later', 'count']) {
    statuses.push((await post(`${host.url}/act`, JSON.stringify({ what }))).status);
  }

  expect(statuses).toEqual([502, 502, 502, 200]);
  expect(host.counters['act']).toMatchObject({ invocations: 4, errors: 3, coldStarts: 3 });
});

it('replaces an environment that was killed under its invocation', async () => {
  const host = await start({ maxEnvironments: 1 });
  const first = (await invoke(host, 'act', { what: 'count' })).json.pid;

  const lost = post(`${host.url}/act`, JSON.stringify({ what: 'wait', ms: 60_000 }));
  const waiting = post(`${host.url}/act`, JSON.stringify({ what: 'count' }));
  await until(() => host.counters['act']?.invocations === 3);
  process.kill(first, 'SIGKILL');

  expect((await lost).status).toBe(502);
  expect((await waiting).json).toMatchObject({ calls: 1 });
  expect((await waiting).json.pid).not.toBe(first);
});

it('reports a handler that fails to load to each invocation, one init for each', async () => {
  const host = await start();

  const broken = await invoke(host, 'broken', {});
  const missing = await invoke(host, 'missing', {});

  expect(broken.json).toMatchObject({ errorType: 'Error', errorMessage: 'no configuration' });
  expect(missing.json).toMatchObject({ errorType: 'Runtime.HandlerNotFound' });
  expect(host.counters['broken']?.coldStarts).toBe(1);
  expect((await call(`${host.url}/broken`)).status).toBe(502);
});

it('kills an environment at the function timeout', async () => {
  const host = await start();

  const late = await invoke(host, 'impatient', { what: 'wait', ms: 60_000 });

  expect(late.json.errorMessage).toMatch(/Task timed out after 1 seconds/);
  await until(() => host.pids('impatient').length === 0);
});

it('runs at most four invocations at once, the rest wait, each environment one at a time', async () => {
  const host = await start();

  const calls = await Promise.all(Array.from({ length: 20 }, () => invoke(host, 'act', { what: 'wait', ms: 20 })));

  expect(calls.every(({ status }) => status === 200)).toBe(true);
  expect(new Set(calls.map(({ json }) => json.pid)).size).toBeLessThanOrEqual(4);
  expect(host.pids('act')).toHaveLength(4);
  expect(calls.reduce((sum, { json }) => Math.max(sum, json.calls), 0)).toBeGreaterThanOrEqual(5);
});

it('starts no second environment for a client that asks one thing after another', async () => {
  const host = await start();

  for (let index = 0; index < 200; index += 1) await invoke(host, 'act', { what: 'count' });

  expect(host.counters['act']).toMatchObject({ invocations: 200, coldStarts: 1 });
});

it('answers 429 at once beyond the limit where a test asks for it', async () => {
  const host = await start({ throttle: true, maxEnvironments: 1 });

  const slow = post(`${host.url}/act`, JSON.stringify({ what: 'wait', ms: 500 }));
  await until(() => host.counters['act']?.invocations === 1);
  const refused = await post(`${host.url}/act`, JSON.stringify({ what: 'count' }));

  expect(refused.status).toBe(429);
  expect((await slow).status).toBe(200);
  expect(host.counters['act']?.throttles).toBe(1);
});

it('freezes environments between invocations where told to, so that nothing runs there', async () => {
  const host = await start({ freeze: true });
  const { pid } = (await invoke(host, 'act', { what: 'count' })).json;

  await until(async () => (await processState(pid)) === 'T');
  const again = await invoke(host, 'act', { what: 'count' });
  await until(async () => (await processState(pid)) === 'T');

  expect(again.json).toMatchObject({ pid, calls: 2 });
});

it('loads no undici into an environment before the function asks for it', async () => {
  const host = await start();

  expect((await invoke(host, 'act', { what: 'count' })).json.undici).toBe(false);
});

it('tells its pids and counters over HTTP, and leaves no process after stop', async () => {
  const host = await start();
  await Promise.all([invoke(host, 'act', { what: 'wait', ms: 50 }), invoke(host, 'echo', {})]);

  const { json } = await call(`${host.url}/__host`);
  const status: LambdaHostStatus = json;
  await host.stop();

  expect(status.counters['act']).toMatchObject({ invocations: 1, coldStarts: 1 });
  expect(status.counters['act']?.initMs[0]).toBeGreaterThan(0);
  expect(Object.values(status.pids).flat()).toHaveLength(2);
  for (const pid of Object.values(status.pids).flat()) await expect(readlink(`/proc/${pid}/exe`)).rejects.toThrow();
});

async function start(options: LambdaHostOptions = {}): Promise<LambdaHost> {
  const host = await startLambdaHost({ root, logFile: '/dev/null', ...options });
  hosts.push(host);
  return host;
}

function invoke(host: LambdaHost, name: string, event: unknown) {
  return post(`${host.url}/2015-03-31/functions/${name}/invocations`, JSON.stringify(event));
}

function post(url: string, body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = {}) {
  return call(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
}

async function call(url: string, init: RequestInit = {}) {
  const response = await fetch(url, init);
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever the fixture sent
  const json: any = text.startsWith('{') ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, text, json };
}

/** T is stopped. */
async function processState(pid: number): Promise<string | undefined> {
  return /\) (\w) /.exec(await readFile(`/proc/${pid}/stat`, 'utf8'))?.[1];
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(condition, { timeout: 30_000, interval: 10 }).toBe(true);
}

it('has provisioned environments ready before the first invocation, and one for a bundle that fails does not hold it up', async () => {
  const host = await start({ provisioned: { act: 2, broken: 1 } });

  expect(host.pids('act')).toHaveLength(2);
  expect(host.counters['act']).toMatchObject({ invocations: 0, coldStarts: 2 });
  await post(`${host.url}/act`, JSON.stringify({}));

  expect(host.counters['act']).toMatchObject({ invocations: 1, coldStarts: 2 });
});
