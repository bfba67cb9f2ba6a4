import { afterEach, expect, it } from 'vitest';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { createSecret } from '../../dev/stack/create-secret.ts';
import { startFunctions } from '../../dev/stack/start-parts.ts';
import { reply, startServer, type TestServer } from '../support/http-server.ts';

// The built functions in the local Lambda host, before upstreams that count who asks.

const PATIENT = { timeout: 30_000, interval: 50 };
/** A cold start on a crowded machine outlasts a caller's half second. */
const PATIENTLY = { 'timeout-ms': '10000' };

const ROUTES = [
  ['POST', '/assign', { game_id: 'a' }],
  ['POST', '/batch', { v: 1, items: [{ op: 'assign', request: { game_id: 'a' } }] }],
  ['GET', '/games/a', undefined],
  ['POST', '/games/a/renew', undefined],
  ['DELETE', '/games/a', undefined],
  ['POST', '/services/game-service/instance', {}],
  ['GET', '/services/game-service/instances', undefined],
] as const;

/** What to send as the Authorization header, for a right token. */
const WRONG: readonly ((token: string) => string | undefined)[] = [
  () => undefined,
  () => '',
  () => 'Bearer',
  () => 'Bearer undefined',
  (token) => token,
  (token) => `Basic ${token}`,
  (token) => `Bearer ${token}x`,
  (token) => `Bearer ${token.slice(0, -1)}`,
  (token) => `Bearer ${token.toUpperCase()}`,
  (token) => `Bearer ${token},${token}`,
  (token) => `Bearer x, Bearer ${token}`,
];

const hosts: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
});

/** `asked`: requests that came to Redis, Consul and Prometheus. */
async function startUpstreams() {
  const servers = await Promise.all([503, 503, 503].map((status) => startServer(reply(status, 'no'))));
  const [redis, consul, prometheus] = servers as [TestServer, TestServer, TestServer];
  const env = {
    LOG_FORMAT: 'json',
    UPSTASH_REDIS_REST_URL: redis.url.href,
    UPSTASH_REDIS_REST_TOKEN: createSecret('UPSTASH_REDIS_REST_TOKEN'),
    CONSUL_URL: consul.url.href,
    PROMETHEUS_URL: prometheus.url.href,
  };
  return { env, asked: () => servers.flatMap(({ requests }) => requests).length };
}

async function startDoors(env: Record<string, string>, iam = false) {
  const { server, functionUrl } = await startFunctions({ env, iam, maxEnvironments: 1 });
  hosts.push(server);
  return { api: server.url, functionUrl: functionUrl.replace(/\/$/, '') };
}

async function knock(
  origin: string,
  [method, path, body]: (typeof ROUTES)[number] | readonly ['GET', '/health', undefined],
  authorization?: string,
): Promise<number> {
  const headers = { ...PATIENTLY, ...(authorization === undefined ? {} : { authorization }) };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(origin + path, { method, headers, ...sent });
  await answer.text();
  return answer.status;
}

it('every route but GET /health is closed to whoever has no token, and nothing is asked for them', async () => {
  const { env, asked } = await startUpstreams();
  const token = createSecret('API_TOKENS');
  const ssm = await startServer(
    reply(200, { Parameters: [{ Name: '/game-allocator/test/api-tokens', Value: token }] }),
  );
  const aws = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: createSecret('AWS_SECRET_ACCESS_KEY') };
  const parameters = { SSM_PATH: '/game-allocator/test', AWS_ENDPOINT_URL_SSM: ssm.url.href };
  const { api } = await startDoors({ ...env, ...aws, ...parameters });
  // Until each environment has read its tokens once.
  for (const route of ROUTES) await expect.poll(() => knock(api, route, 'Bearer x'), PATIENT).toBe(401);
  const readBefore = ssm.requests.length;

  for (const route of ROUTES) {
    for (const wrong of WRONG) {
      const header = wrong(token);
      expect([...route, header, await knock(api, route, header)]).toEqual([...route, header, 401]);
    }
  }
  expect(await knock(api, ['GET', '/health', undefined])).toBe(200);

  expect(asked()).toBe(0);
  expect(ssm.requests.length).toBe(readBefore);
  for (const route of ROUTES) expect([...route, await knock(api, route, `Bearer ${token}`)]).not.toContain(401);
  expect(asked()).toBeGreaterThan(0);
});

it('the function URL is open to whoever IAM let in, and the HTTP API is not', async () => {
  const { env, asked } = await startUpstreams();
  const token = createSecret('API_TOKENS');
  const { api, functionUrl } = await startDoors({ ...env, API_TOKENS: token }, true);

  expect(await knock(api, ROUTES[1])).toBe(401);
  expect(asked()).toBe(0);
  expect(await knock(functionUrl, ROUTES[1])).toBe(200);
});

it('the function URL asks for a token where IAM tells nothing of the caller', async () => {
  const { env, asked } = await startUpstreams();
  const token = createSecret('API_TOKENS');
  const { functionUrl } = await startDoors({ ...env, API_TOKENS: token });

  expect(await knock(functionUrl, ROUTES[1])).toBe(401);
  expect(asked()).toBe(0);
  expect(await knock(functionUrl, ROUTES[1], `Bearer ${token}`)).toBe(200);
});

it('ALLOW_ANONYMOUS opens the doors of the local stage, and no other stage starts with it', async () => {
  const { env, asked } = await startUpstreams();
  const open = await startDoors({ ...env, ALLOW_ANONYMOUS: 'true', STAGE: 'local' });
  const refused = await startDoors({ ...env, ALLOW_ANONYMOUS: 'true', STAGE: 'prod' });

  for (const route of ROUTES) {
    expect([...route, await knock(refused.api, route)]).toEqual([...route, 502]);
  }
  expect(asked()).toBe(0);
  for (const route of ROUTES) expect([...route, await knock(open.api, route)]).not.toContain(401);
});
