import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { MAX_REQUEST_BYTES } from '../../lib/api/assign-request.ts';
import type { BatchItem } from '../../lib/api/batch.ts';
import { readTokens } from '../../lib/api/bearer-tokens.ts';
import { failureReply, type Reply } from '../../lib/api/outcomes.ts';
import { createConsoleDoor } from '../../lib/relay/console-door.ts';
import { type HealthServer, startHealthServer } from '../../lib/relay/health-server.ts';
import { createRelay, type RelayOptions } from '../../lib/relay/relay.ts';
import type { RelayReport } from '../../lib/relay/relay-report.ts';
import { ASSIGN, fakeLog, fakeMessage } from './fake-message.ts';

const PAGE = { html: '<!doctype html><p>ё</p>', headers: { 'content-security-policy': "default-src 'none'" } };
const REPORT = { success: true, nats: 'serving', in_flight: 0 } as RelayReport;
const PLACED: Reply = { success: true, instance_id: '10.0.0.3' };
const TOKEN = 'canary-console';

const servers: HealthServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

interface SetUp extends Partial<RelayOptions> {
  readonly answer?: (item: BatchItem) => Reply;
}

async function setUp({ answer = () => PLACED, ...more }: SetUp = {}) {
  const items: BatchItem[] = [];
  const relay = createRelay({
    allocate: (asked) => {
      items.push(...asked);
      return Promise.resolve(asked.map(answer));
    },
    ...{ clock: Date.now, log: fakeLog().log, maxInFlight: 10 },
    ...more,
  });
  const tokens = readTokens(`${TOKEN} canary-other`);
  const door = createConsoleDoor({ page: PAGE, tokens, serve: relay.serve, report: () => REPORT });
  const server = await startHealthServer({ port: 0, notReady: () => undefined, details: () => ({}), doors: [door] });
  servers.push(server);
  const url = `http://127.0.0.1:${server.port}`;

  async function ask(
    method: string,
    path: string,
    options: { body?: string; token?: string | null; [h: string]: unknown } = {},
  ) {
    const { body, token = TOKEN, ...headers } = options;
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url + path, {
      method,
      headers: { ...authorization, ...(headers as Record<string, string>) },
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: text.startsWith('{') ? JSON.parse(text) : undefined,
    };
  }
  return { relay, items, ask, port: server.port };
}

it('gives anybody the page, with its headers', async () => {
  const { ask } = await setUp();

  const { status, text, headers } = await ask('GET', '/', { token: null });

  expect([status, text]).toEqual([200, PAGE.html]);
  expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(headers.get('content-security-policy')).toBe("default-src 'none'");
  expect(await ask('HEAD', '/?x', { token: null })).toMatchObject({ status: 200, text: '' });
});

it.each([
  ['GET', '/fleet', undefined, { op: 'fleet', request: {} }],
  ['POST', '/fleet/explain', '{"game_id":"a"}', { op: 'explain', request: { game_id: 'a' } }],
  ['POST', '/assign', '{"game_id":"a"}', { op: 'assign', request: { game_id: 'a' } }],
  ['GET', '/games/%D1%91%2F1%2541', undefined, { op: 'lookup', request: { game_id: 'ё/1%41' } }],
  ['DELETE', '/games/a?x', undefined, { op: 'release', request: { game_id: 'a' } }],
])('%s %s is carried out', async (method, path, body, item) => {
  const { ask, items } = await setUp();

  const { status, json, headers } = await ask(method, path, { ...(body && { body }), 'timeout-ms': '300' });

  expect([status, json]).toEqual([200, PLACED]);
  expect(headers.get('content-type')).toBe('application/json');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(items).toEqual([{ ...item, attempt: expect.any(String), budget_ms: expect.any(Number) }]);
  expect(items[0]?.budget_ms).toBeGreaterThan(100);
  expect(items[0]?.budget_ms).toBeLessThanOrEqual(235);
});

it('tells how the relay is', async () => {
  const { ask, items } = await setUp();

  expect(await ask('GET', '/relay')).toMatchObject({ status: 200, json: REPORT });
  expect((await ask('GET', '/relay', { token: 'canary-other' })).status).toBe(200);
  expect(items).toEqual([]);
});

const ASKED = [
  ['GET', '/fleet'],
  ['POST', '/fleet/explain'],
  ['POST', '/assign'],
  ['GET', '/games/a'],
  ['DELETE', '/games/a'],
  ['GET', '/relay'],
] as const;

it.each(ASKED)('%s %s needs a token', async (method, path) => {
  const { ask, items } = await setUp();

  for (const token of [null, 'wrong', `${TOKEN}x`, '']) {
    const { status, json, headers } = await ask(method, path, { token });
    expect([status, json.code, headers.get('www-authenticate')]).toEqual([401, 'unauthorised', 'Bearer']);
  }
  expect(items).toEqual([]);
});

it.each([
  ['POST', '/', 'GET'],
  ['POST', '/fleet', 'GET'],
  ['GET', '/assign', 'POST'],
  ['GET', '/fleet/explain', 'POST'],
  ['PUT', '/games/a', 'GET, DELETE'],
  ['DELETE', '/relay', 'GET'],
])('%s %s is not answered: only %s is', async (method, path, allowed) => {
  const { ask } = await setUp();

  const { status, json, headers } = await ask(method, path);

  expect([status, headers.get('allow')]).toEqual([405, allowed]);
  expect(json).toEqual({
    ...{ success: false, code: 'invalid_request', retryable: false },
    message: `Only ${allowed} is answered at this address.`,
  });
});

it.each(['/games', '/games/', '/games/*/x', '/games/a/renew', '/batch', '/fleet/', '/constructor'])(
  'has nothing at %s',
  async (path) => {
    expect((await (await setUp()).ask('GET', path)).status).toBe(404);
  },
);

it('has no special game', async () => {
  const { ask, items } = await setUp();

  await ask('GET', '/games/*');
  await ask('GET', '/games/%E0%A4%A');

  expect(items.map(({ request }) => request)).toEqual([{ game_id: '*' }, { game_id: '%E0%A4%A' }]);
});

it.each([
  ['{', 400, 'invalid_request', 'The request must be JSON text in UTF-8.'],
  ['', 400, 'invalid_request', 'The request must be JSON text in UTF-8.'],
  ['{"game_id":"a b"}', 400, 'invalid_request', 'game_id must not contain white space or control characters.'],
  [' '.repeat(MAX_REQUEST_BYTES + 1), 413, 'too_large', 'The request must have at most 16384 bytes.'],
])('refuses a body as over HTTPS: %#', async (body, status, code, message) => {
  const { ask, items } = await setUp();

  const answer = await ask('POST', '/assign', { body });

  expect([answer.status, answer.json]).toEqual([status, failureReply({ code: code as 'too_large', message })]);
  expect(items).toEqual([]);
});

it('answers a failure with its status, and what belongs to it', async () => {
  const { ask } = await setUp({ answer: () => failureReply({ code: 'no_capacity' }) });

  const { status, json, headers } = await ask('POST', '/assign', { body: '{"game_id":"a"}' });

  expect([status, json.code, headers.get('retry-after')]).toEqual([429, 'no_capacity', '1']);
});

it('gives a traceparent back that it passes on', async () => {
  const { ask, items } = await setUp();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  const { headers } = await ask('GET', '/fleet', { traceparent });

  expect([headers.get('traceparent'), items[0]?.traceparent]).toEqual([traceparent, traceparent]);
});

it('refuses a time limit that is none', async () => {
  const { ask } = await setUp();

  expect(await ask('GET', '/fleet', { 'timeout-ms': 'soon' })).toMatchObject({ status: 400 });
});

it('answers a body without an end as soon as it is too large, and ends the connection', async () => {
  const { port } = await setUp();
  const headers = { authorization: `Bearer ${TOKEN}`, 'transfer-encoding': 'chunked' };
  const sending = httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/assign', headers });
  sending.on('error', () => undefined);
  const answered = new Promise<number | undefined>((resolve) => sending.on('response', (r) => resolve(r.statusCode)));
  const closed = new Promise<void>((resolve) => sending.on('close', resolve));

  sending.write('x'.repeat(MAX_REQUEST_BYTES + 1));

  expect(await answered).toBe(413);
  await closed;
});

it('forgets who goes away in the middle of a body', async () => {
  const { ask, items, port } = await setUp();
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.on('connect', resolve));
  const head = `POST /assign HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 99\r\n\r\n{"game_id"`;
  await new Promise((resolve) => socket.write(head, resolve));
  socket.destroy();

  expect((await ask('GET', '/fleet')).status).toBe(200);
  expect(items).toHaveLength(1);
});

it('lets people look when the rate limit refuses, and does not count them', async () => {
  const ended: Reply[] = [];
  const { ask, relay } = await setUp({ rateLimit: { perS: 0.001, burst: 1 }, onEnd: (reply) => ended.push(reply) });
  const { handle } = relay.serve(ASSIGN);
  handle(fakeMessage({ game_id: 'a' }).message);
  handle(fakeMessage({ game_id: 'b' }).message);

  for (let i = 0; i < 3; i += 1) expect((await ask('GET', '/fleet')).status).toBe(200);
  await ask('POST', '/assign', { body: '{' });

  expect(relay.stats()).toMatchObject({ received: 2, failed: { overloaded: 1 }, rateLimited: 1 });
  expect(ended.map(({ success }) => success).sort()).toEqual([false, true]);
});
