import { Redis } from 'ioredis';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from '../../dev/stack.ts';
import { assignAll, assignOverHttp, assignOverNats, newGames, PATIENT_TIMEOUT_MS, refusals, tally } from './load.ts';

let stack: Stack;
let nats: NatsConnection;
let redis: Redis;

beforeAll(async () => {
  stack = await startStack({ instances: 5 });
  nats = await connect({ servers: stack.addresses.natsUrl });
  redis = new Redis(stack.addresses.redisUrl);
  await assignAll(nats, newGames(36), 16);
});
afterAll(async () => {
  redis?.disconnect();
  await nats?.close();
  await stack?.stop();
});

const overHttp = (gameId: string) => assignOverHttp(stack.addresses.assignUrl, stack.addresses.assignToken, gameId);

function post(body: string, headers: Record<string, string> = {}, path = '/assign') {
  return fetch(new URL(path, stack.addresses.assignUrl), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${stack.addresses.assignToken}`,
      'timeout-ms': String(PATIENT_TIMEOUT_MS),
      ...headers,
    },
    body,
  });
}

describe('over NATS', () => {
  it('answers 1,000 requests, 16 at a time, each with an address that Consul has', async () => {
    const answers = await assignAll(nats, newGames(1000), 16);

    expect(refusals(answers)).toEqual([]);
    expect(tally(answers)['success']).toBeGreaterThan(900);
    const health = await fetch(`${stack.addresses.consulUrl}/v1/health/service/game-service`);
    const entries = (await health.json()) as { Service: { Address: string } }[];
    const registered = entries.map(({ Service }) => Service.Address);
    expect(registered).toHaveLength(5);
    const given = answers.flatMap(({ reply }) => (reply?.success ? [reply.instance_id] : []));
    expect(new Set(given)).toEqual(new Set(registered));
  });

  it.each([['123456789012'], ['"quoted"'], ['with/slash'], ['игра-42']])(
    'keeps the game_id %s as it is, in Redis and for whoever asks again',
    async (gameId) => {
      const { reply } = await assignOverNats(nats, gameId, PATIENT_TIMEOUT_MS);

      expect(await redis.get(`games:${gameId}`)).toBe(JSON.stringify(reply?.instance_id));
      const ttl = await redis.ttl(`games:${gameId}`);
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(70);
      expect((await overHttp(gameId)).reply).toMatchObject({ instance_id: reply?.instance_id, replayed: true });
    },
  );

  it('says which field is wrong, in the reply and in its headers, without an instance_id', async () => {
    const message = await nats.request('game.assign.request', '{"game_id":"g","settings":{"resource_level":"x"}}');

    const expected = 'settings.resource_level must be "low" or "high".';
    expect(message.json()).toEqual({ success: false, code: 'invalid_request', retryable: false, message: expected });
    expect(message.headers?.get('Nats-Service-Error')).toBe(expected);
    expect(message.headers?.get('Nats-Service-Error-Code')).toBe('400');
  });

  it('leaves a key of another type alone', async () => {
    await redis.hset('games:not-ours', 'a', '1');

    const { reply } = await assignOverNats(nats, 'not-ours', PATIENT_TIMEOUT_MS);

    expect(reply).toMatchObject({ success: false, code: 'conflict' });
    expect(await redis.hgetall('games:not-ours')).toEqual({ a: '1' });
  });
});

it('gives one game one instance and counts it once, asked 200 times at once over both doors', async () => {
  const [gameId = ''] = newGames(1);

  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? assignOverNats(nats, gameId) : overHttp(gameId))),
  );

  const seen = answers.filter(({ reply }) => reply?.success);
  expect(seen.length).toBeGreaterThan(0);
  expect(new Set(seen.map(({ reply }) => reply?.instance_id)).size).toBe(1);
  expect(seen.filter(({ reply }) => !reply?.replayed).length).toBeLessThanOrEqual(1);
  const notes = await redis.hgetall('game-allocator:v1:game-service');
  expect(Object.keys(notes).filter((field) => field === `g:${gameId}`)).toHaveLength(1);
});

describe('over HTTPS', () => {
  it('assigns a game and gives the port that Consul has', async () => {
    const response = await post(JSON.stringify({ game_id: crypto.randomUUID() }));

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      success: true,
      instance_id: expect.stringMatching(/^127\.\d+\.\d+\.\d+$/),
      port: expect.any(Number),
    });
  });

  it.each([
    ['no JSON', '{', 400, 'invalid_request'],
    ['no game_id', '{}', 400, 'invalid_request'],
    ['too much', JSON.stringify({ game_id: 'g', more: 'x'.repeat(17_000) }), 413, 'too_large'],
  ])('refuses a body with %s', async (_what, body, status, code) => {
    const response = await post(body);

    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ success: false, code, retryable: false });
  });

  it('lets nobody in without the token', async () => {
    const response = await post('{"game_id":"g"}', { authorization: 'Bearer wrong' });

    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ success: false, code: 'unauthorised' });
  });

  it('answers a batch in order, each item for itself', async () => {
    const [a = '', b = ''] = newGames(2);
    const items = [a, '', b, a].map((gameId) => ({
      op: 'assign',
      request: { game_id: gameId },
      budget_ms: PATIENT_TIMEOUT_MS,
    }));

    const response = await post(
      JSON.stringify({ v: 1, items: [...items, { op: 'dance', request: {} }] }),
      {},
      '/batch',
    );

    expect(response.status).toBe(200);
    const { items: replies } = (await response.json()) as { items: { success: boolean; instance_id?: string }[] };
    expect(replies).toMatchObject([
      { success: true },
      { success: false, code: 'invalid_request' },
      { success: true },
      { success: true, replayed: true, instance_id: replies[0]?.instance_id },
      { success: false, code: 'invalid_request', message: 'op is not known.' },
    ]);
  });

  it('tells anybody that it runs', async () => {
    const response = await fetch(new URL('/health', stack.addresses.assignUrl));

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'ok' });
  });

  it('takes a plain Lambda invoke as the request itself', async () => {
    const url = new URL('/2015-03-31/functions/assign/invocations', stack.addresses.assignUrl);
    const response = await fetch(url, { method: 'POST', body: JSON.stringify({ game_id: crypto.randomUUID() }) });

    expect(await response.json()).toMatchObject({ success: true });
  });
});
