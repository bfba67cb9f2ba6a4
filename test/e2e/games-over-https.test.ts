import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../../dev/stack.ts';
import { assignOverHttp, PATIENT_TIMEOUT_MS } from './load.ts';

let stack: Stack;
let redis: Redis;

beforeAll(async () => {
  stack = await startStack({ instances: 3, maxGames: 20, functionEnv: { GAME_CACHE_TTL: '20', SESSION_TTL: '600' } });
  redis = new Redis(stack.addresses.redisUrl);
});
afterAll(async () => {
  redis?.disconnect();
  await stack?.stop();
});

async function ask(method: string, path: string, body?: string, token = stack.addresses.assignToken) {
  const response = await fetch(new URL(path, stack.addresses.assignUrl), {
    method,
    headers: { authorization: `Bearer ${token}`, 'timeout-ms': String(PATIENT_TIMEOUT_MS) },
    ...(body !== undefined && { body }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

async function assign(gameId: string): Promise<string> {
  const { reply } = await assignOverHttp(stack.addresses.assignUrl, stack.addresses.assignToken, gameId);
  if (!reply?.success) throw new Error(`not assigned: ${JSON.stringify(reply)}`);
  return String(reply.instance_id);
}

const PATIENT = { timeout: 20_000, interval: 100 };
const STATE = 'game-allocator:v1:game-service';

it('looks a game up, renews it and releases it, by its id in the path', async () => {
  const gameId = `ё/${crypto.randomUUID()}?x=%41&y#z`;
  const path = `/games/${encodeURIComponent(gameId)}`;
  const instanceId = await assign(gameId);

  const found = await ask('GET', path);
  await redis.expire(`games:${gameId}`, 5);
  const renewed = await ask('POST', `${path}/renew`);
  const left = await redis.ttl(`games:${gameId}`);
  const released = await ask('DELETE', path);

  expect(found).toEqual({
    status: 200,
    json: { success: true, instance_id: instanceId, expires_in_s: expect.any(Number) },
  });
  expect(renewed).toEqual({ status: 200, json: { success: true, instance_id: instanceId, expires_in_s: 30 } });
  expect(left).toBeGreaterThan(5);
  expect(released).toEqual({ status: 200, json: { success: true } });
  expect(await redis.exists(`games:${gameId}`)).toBe(0);
  expect(await redis.zrange(`${STATE}:expiry`, '0', '-1')).not.toContain(`g:${gameId} ${instanceId}`);
});

it('finds no game that is not there, and releases it all the same', async () => {
  const notFound = { status: 404, json: { success: false, code: 'not_found', retryable: false } };

  expect(await ask('GET', '/games/nobody')).toMatchObject(notFound);
  expect(await ask('POST', '/games/nobody/renew')).toMatchObject(notFound);
  expect(await ask('DELETE', '/games/nobody')).toEqual({ status: 200, json: { success: true } });
});

it('leaves alone what somebody else keeps under a game', async () => {
  await redis.hset('games:others', 'a', '1');

  for (const [method, path] of [
    ['GET', '/games/others'],
    ['POST', '/games/others/renew'],
    ['DELETE', '/games/others'],
  ] as const) {
    expect(await ask(method, path)).toMatchObject({ status: 409, json: { code: 'conflict' } });
  }
  expect(await redis.hgetall('games:others')).toEqual({ a: '1' });
});

it('chooses an instance for what is no game, by CPU or by RAM', async () => {
  const addresses = (await stack.fleetReport()).map(({ address }) => address);

  for (const body of [undefined, '{}', '{"resource_type":"ram"}']) {
    await expect
      .poll(() => ask('POST', '/services/game-service/instance', body), PATIENT)
      .toEqual({
        status: 200,
        json: {
          success: true,
          instance: { address: expect.toBeOneOf(addresses), rest_port: 5002, grpc_port: 5003 },
        },
      });
  }
  expect(await ask('POST', '/services/game-service/instance', '{"resource_type":"gpu"}')).toMatchObject({
    status: 400,
    json: { message: 'resource_type must be "cpu" or "ram".' },
  });
});

it('lists the instances of a service, and nobody where it has none', async () => {
  const addresses = (await stack.fleetReport()).map(({ address }) => address);

  const instances = addresses.toSorted().map((address) => ({ address, rest_port: 5002, grpc_port: 5003 }));
  await expect
    .poll(() => ask('GET', '/services/game-service/instances'), PATIENT)
    .toEqual({ status: 200, json: { success: true, instances } });
  // An environment's first look at a service may miss its short limit on a loaded machine.
  await expect
    .poll(() => ask('GET', '/services/ai-service/instances'), PATIENT)
    .toEqual({ status: 200, json: { success: true, instances: [] } });
  await expect
    .poll(() => ask('POST', '/services/ai-service/instance'), PATIENT)
    .toMatchObject({ status: 503, json: { code: 'no_instance' } });
  expect(await ask('GET', '/services/other/instances')).toMatchObject({
    status: 400,
    json: { message: 'service is not known.' },
  });
});

it('lets nobody in without the token', async () => {
  for (const [method, path] of [
    ['GET', '/games/a'],
    ['POST', '/games/a/renew'],
    ['DELETE', '/games/a'],
    ['POST', '/services/game-service/instance'],
    ['GET', '/services/game-service/instances'],
  ] as const) {
    expect(await ask(method, path, undefined, 'wrong')).toMatchObject({ status: 401, json: { code: 'unauthorised' } });
  }
});
