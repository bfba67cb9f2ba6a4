import { Redis } from 'ioredis';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from '../../dev/stack.ts';
import { createRandom } from '../support/random.ts';
import { ask, byCallers } from './ask-over-nats.ts';
import { assignAll, assignOverHttp, newGames } from './load.ts';
import { createStackPlacement, type StackPlacement } from './stack-placement.ts';

const AI = [
  { address: '10.9.0.1', rest_port: 8001, grpc_port: 9001 },
  { address: '10.9.0.2', rest_port: 8002, grpc_port: 0 },
];

let stack: Stack;
let nats: NatsConnection;
let redis: Redis;
let placement: StackPlacement;
/** The game servers as a caller is told of them, by address. */
let servers: readonly { readonly address: string; readonly rest_port: number; readonly grpc_port: number }[];

beforeAll(async () => {
  stack = await startStack({ instances: 5, relayEnv: { ASSIGN_EVENTS: 'true' } });
  nats = await connect({ servers: stack.addresses.natsUrl });
  redis = new Redis(stack.addresses.redisUrl);
  placement = createStackPlacement(stack);
  for (const { address, rest_port, grpc_port } of AI) {
    const Meta = { rest_api_port: String(rest_port), ...(grpc_port > 0 && { grpc_port: String(grpc_port) }) };
    const body = JSON.stringify({ ID: address, Name: 'ai-service', Address: address, Port: 1, Meta });
    const url = `${stack.addresses.consulUrl}/v1/agent/service/register`;
    expect((await fetch(url, { method: 'PUT', body })).ok).toBe(true);
  }
  const addresses = (await stack.fleetReport()).map(({ address }) => address).sort();
  servers = addresses.map((address) => ({ address, rest_port: 5002, grpc_port: 5003 }));
  await assignAll(nats, newGames(36), 16);
});
afterAll(async () => {
  placement?.close();
  redis?.disconnect();
  await nats?.close();
  await stack?.stop();
});

describe('over NATS', () => {
  it('tells where a game is and for how long, keeps it there longer, and ends it', async () => {
    const [gameId = ''] = newGames(1);
    const game = { game_id: gameId };
    expect(await ask(nats, 'game.lookup.request', game)).toMatchObject({ success: false, code: 'not_found' });
    expect(await ask(nats, 'game.renew.request', game)).toMatchObject({ success: false, code: 'not_found' });
    const { instance_id } = await ask(nats, 'game.assign.request', game);
    await redis.expire(`games:${gameId}`, 20);

    expect(await ask(nats, 'game.lookup.request', game)).toEqual({
      success: true,
      instance_id,
      expires_in_s: expect.toSatisfy((left: number) => left > 0 && left <= 20),
    });
    expect(await ask(nats, 'game.renew.request', game)).toEqual({
      success: true,
      instance_id,
      expires_in_s: expect.toSatisfy((left: number) => left > 60 && left <= 70),
    });
    expect(await redis.ttl(`games:${gameId}`)).toBeGreaterThan(60);

    expect(await ask(nats, 'game.release.request', game)).toEqual({ success: true });
    expect(await redis.exists(`games:${gameId}`)).toBe(0);
    expect(await ask(nats, 'game.release.request', game)).toEqual({ success: true });
    expect(await ask(nats, 'game.lookup.request', game)).toMatchObject({ success: false, code: 'not_found' });
    expect(await ask(nats, 'game.assign.request', game)).not.toHaveProperty('replayed');
  });

  it.each(['game.lookup.request', 'game.renew.request', 'game.release.request'])(
    'leaves a key of another type alone: %s',
    async (subject) => {
      await redis.hset('games:not-ours', 'a', '1');

      expect(await ask(nats, subject, { game_id: 'not-ours' })).toMatchObject({ success: false, code: 'conflict' });
      expect(await redis.hgetall('games:not-ours')).toEqual({ a: '1' });
    },
  );

  it('gives single instances, by what they are for', async () => {
    for (const request of [{}, { resource_type: 'cpu' }, { resource_type: 'ram' }]) {
      const reply = await ask(nats, 'game.instance.request', request);
      expect(reply).toEqual({ success: true, instance: reply.instance });
      expect(servers).toContainEqual(reply.instance);
      expect(AI).toContainEqual((await ask(nats, 'ai.instance.request', request)).instance);
    }
    expect(await ask(nats, 'ai.instance.request', { resource_type: 'gpu' })).toMatchObject({ code: 'invalid_request' });
  });

  it('gives all healthy instances', async () => {
    expect(await ask(nats, 'game.instances.request', {})).toEqual({ success: true, instances: servers });
    expect(await ask(nats, 'ai.instances.request', {})).toEqual({ success: true, instances: AI });
  });

  it('is registered with a true count for each subject', async () => {
    interface Stats {
      readonly endpoints: readonly { readonly name: string; readonly subject: string; readonly num_requests: number }[];
    }
    const before = (await nats.request('$SRV.STATS')).json<Stats>().endpoints;
    await ask(nats, 'ai.instances.request', {});
    await ask(nats, 'game.lookup.request', {});
    const after = (await nats.request('$SRV.STATS')).json<Stats>().endpoints;

    expect(after.map(({ subject }) => subject).sort()).toEqual([
      'ai.instance.request',
      'ai.instances.request',
      'game.assign.request',
      'game.explain.request',
      'game.fleet.request',
      'game.instance.request',
      'game.instances.request',
      'game.lookup.request',
      'game.release.request',
      'game.renew.request',
    ]);
    const added = after.map(({ subject, num_requests }, i) => [subject, num_requests - (before[i]?.num_requests ?? 0)]);
    expect(added.filter(([, count]) => count !== 0).sort()).toEqual([
      ['ai.instances.request', 1],
      ['game.lookup.request', 1],
    ]);
  });
});

describe('for a client of the replaced service, which waits for 0.5 s and knows nothing of this one', () => {
  /** As nats-py asks: no headers, 0.5 s. Undefined where no answer came by then. */
  async function askAsBefore(subject: string, request: object): Promise<Record<string, unknown> | undefined> {
    const message = await nats.request(subject, JSON.stringify(request), { timeout: 500 }).catch(() => undefined);
    return message?.json<Record<string, unknown>>();
  }

  const low = () => ({ game_id: crypto.randomUUID(), settings: { resource_level: 'low' } });
  const cpu = () => ({ resource_type: 'cpu' });

  it.each([
    ['game.assign.request', low, 'instance_id', expect.stringMatching(/^127\./)],
    [
      'game.instance.request',
      cpu,
      'instance',
      { address: expect.stringMatching(/^127\./), rest_port: 5002, grpc_port: 5003 },
    ],
    [
      'game.instances.request',
      () => ({}),
      'instances',
      expect.arrayContaining([expect.objectContaining({ rest_port: 5002 })]),
    ],
    [
      'ai.instance.request',
      cpu,
      'instance',
      expect.toSatisfy((one) => AI.some(({ address }) => address === one.address)),
    ],
    ['ai.instances.request', () => ({}), 'instances', AI],
  ])('answers %s', async (subject, request, key, expected) => {
    const answers: (Record<string, unknown> | undefined)[] = [];
    for (let i = 0; i < 20; i += 1) answers.push(await askAsBefore(subject, request()));

    // A crowded machine may be out of time for some, but not for most.
    const succeeded = answers.filter((answer) => answer?.['success']);
    expect(succeeded.length).toBeGreaterThan(10);
    for (const answer of succeeded) expect(answer?.[key]).toEqual(expected);
    const others = answers.filter((answer) => answer !== undefined && !answer['success']);
    expect(others.filter((answer) => answer?.['code'] !== 'deadline_exceeded')).toEqual([]);
  });

  it('answers a mistake with success false and no instance', async () => {
    const answer = await askAsBefore('game.assign.request', { game_id: '' });

    expect(answer).toMatchObject({ success: false });
    expect(answer).not.toHaveProperty('instance_id');
  });
});

it('tells once of each new assignment over NATS, when its record is there, and of nothing else', async () => {
  const events: { subject: string; event: { game_id: string; instance_id: string }; record: Promise<string | null> }[] =
    [];
  const subscription = nats.subscribe('game.assigned.>', {
    callback: (_error, message) => {
      const event = message.json<{ game_id: string; instance_id: string }>();
      events.push({ subject: message.subject, event, record: redis.get(`games:${event.game_id}`) });
    },
  });
  await nats.flush();
  const games = newGames(40);
  const [overHttp = '', ...others] = newGames(11);

  // Each three times at once, and each once more afterwards.
  await byCallers(64, [...games, ...games, ...games], async (game_id) => {
    await ask(nats, 'game.assign.request', { game_id });
  });
  const again = await Promise.all(games.map((game_id) => ask(nats, 'game.assign.request', { game_id })));
  await assignOverHttp(stack.addresses.assignUrl, stack.addresses.assignToken, overHttp);
  for (const game_id of others) await ask(nats, 'game.lookup.request', { game_id });
  await expect.poll(() => events.length).toBe(games.length);
  await nats.flush();
  subscription.unsubscribe();

  expect(again.filter(({ success, replayed }) => !success || !replayed)).toEqual([]);
  expect(events.map(({ event }) => event.game_id).sort()).toEqual([...games].sort());
  const given = new Map(games.map((game_id, index) => [game_id, again[index]?.instance_id]));
  for (const { subject, event, record } of events) {
    expect(event).toEqual({ ...event, instance_id: given.get(event.game_id), port: expect.any(Number) });
    expect(subject).toBe(`game.assigned.${event.instance_id}`);
    expect(await record).toBe(JSON.stringify(event.instance_id));
  }
});

it('has nothing left of 10,000 games that 64 callers assigned, renewed, looked up and released', async () => {
  await redis.flushall();
  const games = newGames(10_000);
  const wrong: unknown[] = [];
  const say = async (subject: string, game_id: string) => {
    const reply = await ask(nats, subject, { game_id });
    if (!reply.success) wrong.push({ subject, code: reply.code });
  };

  await byCallers(64, games, (gameId) => say('game.assign.request', gameId));
  await byCallers(64, games.slice(0, 3000), (gameId) => say('game.renew.request', gameId));
  await byCallers(64, games.slice(1500, 4500), (gameId) => say('game.lookup.request', gameId));
  const order = createRandom('the order of releases');
  const ended = games.map((gameId) => ({ gameId, at: order.uniform() })).sort((a, b) => a.at - b.at);
  await byCallers(64, ended, ({ gameId }) => say('game.release.request', gameId));

  expect(wrong).toEqual([]);
  expect(await redis.keys('games:*')).toEqual([]);
  expect(Object.values(await placement.places())).toEqual([0, 0, 0, 0, 0]);
});
