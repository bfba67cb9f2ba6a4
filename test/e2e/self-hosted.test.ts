import { Redis } from 'ioredis';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startConsul } from '../../dev/servers/consul.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { startPrometheus } from '../../dev/servers/prometheus.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { startRelay } from '../../dev/stack/start-parts.ts';
import { assignAll, assignOverNats, newGames, PATIENT_TIMEOUT_MS, refusals, tally } from './load.ts';

const closers: (() => unknown)[] = [];
let nats: NatsConnection;
let redis: Redis;

/** The relay with the names of the replaced service's environment, and nothing else of ours. */
beforeAll(async () => {
  const servers = await Promise.all([
    startNats(),
    startRedis(),
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
  const relay = await startRelay({
    NATS_URL: natsServer.url,
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(redisServer.port),
    REDIS_DB: '3',
    CONSUL_HOST: '127.0.0.1',
    CONSUL_PORT: String(consul.port),
    PROMETHEUS_URL: prometheus.url,
    GAME_CACHE_TTL: '30',
    LOG_FORMAT: 'json',
  });
  closers.unshift(relay.stop);
  nats = await connect({ servers: natsServer.url });
  redis = new Redis({ host: '127.0.0.1', port: redisServer.port, db: 3 });
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

it('spreads 500 games evenly over two instances that nobody has metrics of', async () => {
  const answers = await assignAll(nats, newGames(500), 16);

  expect(refusals(answers)).toEqual([]);
  expect(tally(answers)['success']).toBeGreaterThan(450);
  const first = answers.filter(({ reply }) => reply?.instance_id === '10.0.0.3').length;
  expect(Math.abs(first - 250)).toBeLessThan(50);
});
