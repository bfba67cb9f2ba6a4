import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startConsul } from '../../dev/servers/consul.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { startPrometheus } from '../../dev/servers/prometheus.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { startRelay } from '../../dev/stack/start-parts.ts';
import { assignAll, assignOverNats, newGames, PATIENT_TIMEOUT_MS, perInstance, refusals, tally } from './load.ts';

const closers: (() => unknown)[] = [];
let nats: NatsConnection;
let redis: Redis;

/** The relay with the variables of the service that it replaces (docs/migration.md), all of them and nothing else. */
beforeAll(async () => {
  const servers = await Promise.all([
    startNats(),
    startRedis({ password: 'a-password' }),
    startConsul(),
    startPrometheus({ targetsFile: '/nowhere.json' }),
  ]);
  const [natsServer, redisServer, consul, prometheus] = servers;
  closers.push(...servers.map(({ stop }) => stop));
  for (const address of ['10.0.0.3', '10.0.0.4']) {
    await fetch(`${consul.url}/v1/agent/service/register`, {
      method: 'PUT',
      body: JSON.stringify({ ID: address, Name: 'game-service', Address: address, Port: 5002 }),
    });
  }
  // PORT is the one that startRelay adds.
  const relay = await startRelay({
    SERVICE_NAME: 'game-allocator-service',
    APP_TITLE: 'Game allocator',
    NATS_URL: natsServer.url,
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(redisServer.port),
    REDIS_DB: '3',
    REDIS_PASSWORD: 'a-password',
    CONSUL_HOST: await onPort8500(consul.port),
    PROMETHEUS_URL: prometheus.url,
    GAME_CACHE_TTL: '30',
    LOG_LEVEL: 'INFO',
    LOG_FORMAT: 'json',
    TRACE_CALLER: 'False',
  });
  closers.unshift(relay.stop);
  nats = await connect({ servers: natsServer.url });
  redis = new Redis({ host: '127.0.0.1', port: redisServer.port, db: 3, password: 'a-password' });
  closers.unshift(
    () => nats.close(),
    () => redis.disconnect(),
  );
});
afterAll(async () => {
  for (const close of closers) await close();
});

it('decides in its own process, with a Redis over TCP', async () => {
  const [gameId = ''] = newGames(1);

  const { reply } = await assignOverNats(nats, gameId, PATIENT_TIMEOUT_MS);

  expect(reply).toEqual({ success: true, instance_id: expect.stringMatching(/^10\.0\.0\.[34]$/), port: 5002 });
  expect(await redis.get(`games:${gameId}`)).toBe(JSON.stringify(reply?.instance_id));
  expect(await redis.ttl(`games:${gameId}`)).toBeGreaterThan(30);
  expect(await redis.ttl(`games:${gameId}`)).toBeLessThanOrEqual(40);
});

it('serves 1,000 requests, spread evenly over two instances that nobody has metrics of', async () => {
  const games = newGames(1000);

  const answers = await assignAll(nats, games, 16);

  expect(refusals(answers)).toEqual([]);
  expect(answers.filter(({ reply }) => reply === undefined)).toEqual([]);
  expect(tally(answers)['success']).toBeGreaterThan(900);
  const placed = answers.flatMap(({ gameId, reply }) => (reply?.success ? [[gameId, reply.instance_id] as const] : []));
  const records = await redis.mget(placed.map(([gameId]) => `games:${gameId}`));
  expect(records).toEqual(placed.map(([, instanceId]) => JSON.stringify(instanceId)));
  const counts = perInstance(answers);
  expect(Math.abs((counts['10.0.0.3'] ?? 0) - (counts['10.0.0.4'] ?? 0))).toBeLessThan(200);
});

/** The replaced service had no variable for Consul's port: an address of this machine that leads from 8500 to `port`. */
async function onPort8500(port: number): Promise<string> {
  const address = `127.${randomInt(64, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
  const server = createServer((socket) => {
    const consul = connectTcp(port, '127.0.0.1');
    socket.pipe(consul).pipe(socket);
    socket.on('error', () => consul.destroy());
    consul.on('error', () => socket.destroy());
  });
  server.listen(8500, address);
  await once(server, 'listening');
  closers.push(() => server.close());
  return address;
}
