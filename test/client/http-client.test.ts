import { expect, it } from 'vitest';
import { createHttpClient } from '../../lib/client/http-client.ts';
import { breakOff, drip, freePort, hang, type Listener, reply, startServer } from '../support/http-server.ts';

const TOKEN = 'canary-of-the-client';
const patient = { timeoutMs: 10_000 };

/** A client of a server that answers like this, asked at most once. */
async function clientOf(listener: Listener, timeoutMs = 10_000) {
  const server = await startServer(listener);
  return { server, client: createHttpClient({ url: server.url, token: TOKEN, timeoutMs, retry: false }) };
}

it('asks by the route of each operation, with the token and the time', async () => {
  const { server, client } = await clientOf(reply(200, { success: true }));
  const settings = { resource_level: 'high' } as const;

  await client.assign('a/"b"', settings);
  await client.lookup('ё/?#%41');
  await client.renew('a');
  await client.release('a');
  await client.instance({ resource_type: 'ram' });
  await client.instances();
  await client.fleet();
  await client.explain('a', settings, { traceparent: 'trace' });

  expect(server.requests.map(({ method, url, body }) => [method, url, body && JSON.parse(body)])).toEqual([
    ['POST', '/assign', { game_id: 'a/"b"', settings }],
    ['GET', `/games/${encodeURIComponent('ё/?#%41')}`, ''],
    ['POST', '/games/a/renew', ''],
    ['DELETE', '/games/a', ''],
    ['POST', '/services/game-service/instance', { resource_type: 'ram' }],
    ['GET', '/services/game-service/instances', ''],
    ['GET', '/fleet', ''],
    ['POST', '/fleet/explain', { game_id: 'a', settings }],
  ]);
  for (const { headers } of server.requests) {
    expect(headers).toMatchObject({ authorization: `Bearer ${TOKEN}`, 'timeout-ms': '10000' });
  }
  expect(server.requests.at(-1)?.headers).toMatchObject({ traceparent: 'trace' });
});

it('keeps the path of its address, and asks for the service that it is told', async () => {
  const server = await startServer(reply(200, { success: true, instances: [] }));
  const client = createHttpClient({ url: `${server.url}prod/`, service: 'ai service' });

  expect(await client.instances()).toEqual({ success: true, instances: [] });
  expect(server.requests[0]?.url).toBe('/prod/services/ai%20service/instances');
  expect(server.requests[0]?.headers.authorization).toBe(undefined);
});

it('gives the replies as they came, whatever the status', async () => {
  const success = { success: true, instance_id: '10.0.0.1', replayed: true };
  const failure = { success: false, code: 'no_capacity', message: 'Full.', retryable: true };

  expect(await (await clientOf(reply(200, success))).client.assign('a')).toEqual(success);
  expect(await (await clientOf(reply(429, failure))).client.assign('a')).toEqual(failure);
});

it.each([
  { status: 502, body: '<html>Bad Gateway</html>', code: 'upstream_unavailable' },
  { status: 200, body: '<html>Welcome</html>', code: 'upstream_unavailable' },
  { status: 200, body: '{"status":"ok"}', code: 'upstream_unavailable' },
  { status: 200, body: '{"success":true}', code: 'upstream_unavailable' },
  { status: 204, body: '', code: 'upstream_unavailable' },
  { status: 404, body: '{"message":"Not Found"}', code: 'upstream_unavailable' },
  { status: 500, body: '{"message":"Internal Server Error"}', code: 'upstream_unavailable' },
  { status: 401, body: '', code: 'unauthorised' },
  { status: 403, body: '{"message":"Forbidden"}', code: 'unauthorised' },
  { status: 413, body: '', code: 'too_large' },
  { status: 429, body: 'slow down', code: 'overloaded' },
  { status: 504, body: '{"message":"Endpoint request timed out"}', code: 'deadline_exceeded' },
])('takes $status with $body for $code, of somebody on the way', async ({ status, body, code }) => {
  const { client } = await clientOf(reply(status, body));

  expect(await client.assign('a')).toMatchObject({
    success: false,
    code,
    message: `HTTP ${status}, and not from the allocator: is the address right, and what is on the way?`,
    cause: { message: `HTTP ${status}` },
  });
});

it('takes its token nowhere else', async () => {
  const elsewhere = await startServer(reply(200, { success: true, instance_id: 'a' }));
  const { client } = await clientOf(reply(307, '', { location: elsewhere.url.href }));

  expect(await client.assign('a')).toMatchObject({
    code: 'upstream_unavailable',
    message: expect.stringMatching(/^HTTP 307/),
  });
  expect(elsewhere.requests).toEqual([]);
});

it.each([
  { who: 'never answers', listener: hang },
  { who: 'never ends its answer', listener: drip },
])('gives up in time on a server that $who', async ({ listener }) => {
  const { client } = await clientOf(listener, 200);

  expect(await client.assign('a')).toMatchObject({
    code: 'deadline_exceeded',
    message: expect.stringMatching(/^No answer within 200 ms; whether it was done is unknown/),
    cause: { name: 'TimeoutError' },
  });
});

it('says who could not be reached and why, and nothing of the token', async () => {
  const port = await freePort();
  const client = createHttpClient({ url: `http://127.0.0.1:${port}`, token: TOKEN, ...patient, retry: false });
  const refused = await client.assign('a');
  const broken = await (await clientOf(breakOff)).client.assign('a');

  expect(refused).toMatchObject({
    code: 'upstream_unavailable',
    message: `http://127.0.0.1:${port} could not be reached (ECONNREFUSED).`,
  });
  expect(broken).toMatchObject({
    code: 'upstream_unavailable',
    message: expect.stringMatching(/could not be reached \((ECONNRESET|UND_)/),
  });
  expect(JSON.stringify([refused, broken])).not.toContain(TOKEN);
});

it('asks again after a server that broke the connection off', async () => {
  let asked = 0;
  const server = await startServer((request, response, body) => {
    asked += 1;
    (asked === 1 ? breakOff : reply(200, { success: true, instance_id: 'a' }))(request, response, body);
  });

  expect(await createHttpClient({ url: server.url, ...patient }).assign('a')).toMatchObject({ success: true });
  expect(asked).toBe(2);
});

it.each(['', '.', '..'])('does not ask about the game %j, which would be another route', async (gameId) => {
  const { server, client } = await clientOf(reply(200, { success: true }));

  expect(await client.release(gameId)).toMatchObject({ code: 'invalid_request', retryable: false });
  expect(server.requests).toEqual([]);
});

it('throws for an address that is none', () => {
  expect(() => createHttpClient({ url: 'allocator.example.com' })).toThrow(TypeError);
});
