import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LambdaHost, startLambdaHost } from '../../dev/lambda-host/start-lambda-host.ts';
import { startConsul } from '../../dev/servers/consul.ts';
import { startPrometheus } from '../../dev/servers/prometheus.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { startUpstashFront } from '../../dev/upstash/start-upstash-front.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';

const TOKEN = 'token-of-this-test';
const closers: (() => unknown)[] = [];
let host: LambdaHost;
let consul: CountingProxy;
let prometheus: CountingProxy;
let upstash: CountingProxy;

beforeAll(async () => {
  const servers = await Promise.all([startConsul(), startPrometheus({ targetsFile: '/nowhere.json' }), startRedis()]);
  const [consulServer, prometheusServer, redisServer] = servers;
  closers.push(...servers.map(({ stop }) => stop));
  const front = await startUpstashFront({ redisUrl: redisServer.url, token: TOKEN });
  closers.unshift(front.stop);
  await fetch(`${consulServer.url}/v1/agent/service/register`, {
    method: 'PUT',
    body: JSON.stringify({ Name: 'game-service', Address: '10.0.0.3', Port: 5002 }),
  });
  consul = await startCountingProxy(consulServer.url);
  prometheus = await startCountingProxy(prometheusServer.url);
  upstash = await startCountingProxy(front.url);
  closers.unshift(consul.close, prometheus.close, upstash.close);
  host = await startLambdaHost({
    env: {
      CONSUL_URL: consul.url,
      PROMETHEUS_URL: prometheus.url,
      UPSTASH_REDIS_REST_URL: upstash.url,
      UPSTASH_REDIS_REST_TOKEN: TOKEN,
      API_TOKENS: TOKEN,
      // Fresh for longer than a crowded machine may take between two requests.
      FLEET_FRESH_MS: '10000',
      LOG_FORMAT: 'json',
    },
  });
  closers.unshift(host.stop);
});
afterAll(async () => {
  for (const close of closers) await close();
});

async function assign(gameId: string): Promise<unknown> {
  const response = await fetch(`${host.url}/assign`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'timeout-ms': '5000' },
    body: JSON.stringify({ game_id: gameId }),
  });
  return response.json();
}

const counts = () => ({ consul: consul.count(), prometheus: prometheus.count(), redis: upstash.count() });

it('asks Consul and Prometheus once for a view, and then Redis alone, once for each assignment', async () => {
  expect(await assign('cold')).toEqual({ success: true, instance_id: '10.0.0.3', port: 5002 });
  const cold = counts();
  expect(cold).toMatchObject({ consul: 1, prometheus: 1 });

  expect(await assign('warm')).toMatchObject({ success: true });

  expect(counts()).toEqual({ ...cold, redis: cold.redis + 1 });
});

it('asks Redis once for a game that is recorded already', async () => {
  await assign('again');
  const before = counts();

  expect(await assign('again')).toMatchObject({ success: true, replayed: true });

  expect(counts()).toEqual({ ...before, redis: before.redis + 1 });
});
