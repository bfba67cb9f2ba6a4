import { expect, it } from 'vitest';
import * as z from 'zod/mini';
import { AllocatorVariables, SECRET_NAMES, toAllocatorConfig } from '../../lib/config/allocator-config.ts';
import { ConfigError, type Env, readEnv } from '../../lib/config/env.ts';

const read = (env: Env) => toAllocatorConfig(readEnv(z.object(AllocatorVariables), env));

function problemsOf(env: Env): readonly string[] {
  try {
    read(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

it('has the documented defaults', () => {
  expect(read({})).toEqual({
    services: [
      { name: 'game-service', subjects: expect.anything(), recordPrefix: 'games' },
      { name: 'ai-service', subjects: expect.anything() },
    ],
    consul: {
      baseUrl: new URL('http://consul:8500'),
      instanceId: 'address',
      defaults: { cpuCores: 4, memoryBytes: 8 * 1024 ** 3 },
    },
    prometheus: { baseUrl: new URL('http://prometheus:9090'), label: 'instance', templates: expect.anything() },
    view: { freshMs: 2000, staleMs: 300_000 },
    placement: {
      statePrefix: 'game-allocator',
      recordTtlS: 70,
      leaseTtlS: 70,
      reassignGraceMs: 30_000,
      scrapeIntervalS: 15,
      cpuWindowS: 30,
      gameCost: { low: { cpuCores: 0.12, memoryBytes: 113e6 }, high: { cpuCores: 0.12, memoryBytes: 113e6 } },
      strategy: 'spread',
      packCeiling: 0.75,
    },
    requestStrategies: [],
    decisionLog: 'sample',
    redis: { kind: 'tcp', host: 'localhost', port: 6379, db: 0 },
    secrets: {},
  });
});

it('asks for the metrics of the service by the documented queries', () => {
  const selector = '{container_label_com_docker_compose_service="$service"}';
  const cpu = `container_cpu_usage_seconds_total${selector}`;
  const memory = `container_memory_usage_bytes${selector}`;

  expect(read({}).prometheus?.templates).toEqual({
    cpu: `sum by ($label) (rate(${cpu}[$window]) or rate(${cpu}[1m]))`,
    memory: `sum by ($label) (${memory})`,
    time: `max by ($label) (timestamp(${memory}))`,
  });
});

it('reads every variable of the replaced service', () => {
  const config = read({
    CONSUL_HOST: 'consul.internal',
    CONSUL_PORT: '8501',
    PROMETHEUS_URL: 'https://prom.example/prefix',
    GAME_CACHE_TTL: '3600',
    REDIS_HOST: 'redis',
    REDIS_PORT: '6380',
    REDIS_DB: '2',
    REDIS_PASSWORD: ' pw\n',
  });

  expect(config.consul.baseUrl).toEqual(new URL('http://consul.internal:8501'));
  expect(config.prometheus?.baseUrl).toEqual(new URL('https://prom.example/prefix'));
  expect(config.placement.recordTtlS).toBe(3610);
  expect(config.redis).toEqual({ kind: 'tcp', host: 'redis', port: 6380, db: 2 });
  expect(config.secrets).toEqual({ REDIS_PASSWORD: 'pw' });
});

it('reads every variable of its own', () => {
  const config = read({
    GAME_SERVICE_NAME: 'others',
    INSTANCE_ID: 'service_id',
    PROMETHEUS_INSTANCE_LABEL: 'host',
    PROMETHEUS_CPU_QUERY: 'cpu',
    PROMETHEUS_MEMORY_QUERY: 'ram',
    PROMETHEUS_TIME_QUERY: 'ts',
    INSTANCE_CPU_CORES: '16',
    INSTANCE_MEMORY_BYTES: '3.2e10',
    GAME_CPU_CORES: '0.5',
    GAME_MEMORY_BYTES: '5e8',
    GAME_CPU_CORES_HIGH: '0.25',
    GAME_MEMORY_BYTES_HIGH: '4e9',
    STRATEGY: 'Pack',
    PACK_CEILING: '0.9',
    REQUEST_STRATEGIES: 'pack',
    DECISION_LOG: 'All',
    GAME_CACHE_TTL: '600',
    SESSION_TTL: '7200',
    MAX_LIVE_GAMES: '5000',
    REASSIGN_GRACE_MS: '0',
    FLEET_FRESH_MS: '0',
    FLEET_STALE_MS: '10000',
    RECORD_PREFIX: 'r',
    STATE_PREFIX: 's',
    SSM_PATH: '/game-allocator/prod',
  });

  expect(config).toMatchObject({
    services: [{ name: 'others', recordPrefix: 'r' }, { name: 'ai-service' }],
    consul: { instanceId: 'service_id', defaults: { cpuCores: 16, memoryBytes: 3.2e10 } },
    prometheus: { label: 'host', templates: { cpu: 'cpu', memory: 'ram', time: 'ts' } },
    view: { freshMs: 0, staleMs: 10_000 },
    placement: {
      statePrefix: 's',
      recordTtlS: 610,
      leaseTtlS: 7200,
      mostGames: 5000,
      reassignGraceMs: 0,
      gameCost: { low: { cpuCores: 0.5, memoryBytes: 5e8 }, high: { cpuCores: 0.25, memoryBytes: 4e9 } },
      strategy: 'pack',
      packCeiling: 0.9,
    },
    requestStrategies: ['pack'],
    decisionLog: 'all',
    ssmPath: '/game-allocator/prod',
  });
});

it('prefers CONSUL_URL to CONSUL_HOST', () => {
  const env = { CONSUL_URL: 'https://consul.example/c', CONSUL_HOST: 'other', CONSUL_PORT: '1' };

  expect(read(env).consul.baseUrl).toEqual(new URL('https://consul.example/c'));
});

it.each(['10.0.0.1', 'consul_1', 'localhost', '[::1]'])('takes %s for the host of Consul', (host) => {
  expect(read({ CONSUL_HOST: host }).consul.baseUrl.hostname).toBe(host);
});

it.each([
  'http://consul',
  'a b',
  'consul:8500',
  'canary:canary@consul',
  'consul/x',
  '::1',
  '999.999.999.999',
  '?',
  '#',
])('does not take %s for the host of Consul', (host) => {
  expect(problemsOf({ CONSUL_HOST: host })).toEqual(['CONSUL_HOST must be a host name or address.']);
});

it('leaves Prometheus out where it is off', () => {
  expect(read({ PROMETHEUS_URL: 'off' })).not.toHaveProperty('prometheus');
});

it.each([
  [{}, 30],
  [{ SCRAPE_INTERVAL_S: '5' }, 20],
  [{ SCRAPE_INTERVAL_S: '10' }, 20],
  [{ SCRAPE_INTERVAL_S: '60' }, 120],
  [{ SCRAPE_INTERVAL_S: '60', CPU_WINDOW_S: '45' }, 45],
])('with %o the CPU window is %i s', (env, windowS) => {
  expect(read(env).placement.cpuWindowS).toBe(windowS);
});

it('takes a game of level high for one of level low where nothing else is said', () => {
  const low = { GAME_CPU_CORES: '0.5', GAME_MEMORY_BYTES: '5e8' };

  expect(read(low).placement.gameCost.high).toEqual({ cpuCores: 0.5, memoryBytes: 5e8 });
  expect(read({ ...low, GAME_MEMORY_BYTES_HIGH: '1e9' }).placement.gameCost.high).toEqual({
    cpuCores: 0.5,
    memoryBytes: 1e9,
  });
});

it.each([
  [{ GAME_CACHE_TTL: '600' }, 610],
  [{ GAME_CACHE_TTL: '600', SESSION_TTL: '610' }, 610],
  [{ SESSION_TTL: '70' }, 70],
])('with %o a game holds its place for %i s', (env, leaseTtlS) => {
  expect(read(env).placement.leaseTtlS).toBe(leaseTtlS);
});

it.each([{ SESSION_TTL: '69' }, { GAME_CACHE_TTL: '600', SESSION_TTL: '609' }])(
  'does not let a game lose its place before its record ends: %o',
  (env) => {
    expect(problemsOf(env)).toEqual(['SESSION_TTL must be at least GAME_CACHE_TTL + 10.']);
  },
);

it.each([
  ['spread', ['spread']],
  ['pack', ['pack']],
  [' Pack , spread ', ['spread', 'pack']],
  ['pack,pack', ['pack']],
  ['', []],
])('with REQUEST_STRATEGIES=%j a request may ask for %j', (text, strategies) => {
  expect(read({ REQUEST_STRATEGIES: text }).requestStrategies).toEqual(strategies);
});

it.each(['none', 'spread,', ',', 'spread pack', 'spread;pack'])('does not take %j for a list of strategies', (text) => {
  const problem = 'REQUEST_STRATEGIES must have spread and pack only, separated by commas.';

  expect(problemsOf({ REQUEST_STRATEGIES: text })).toEqual([problem]);
});

it('uses Upstash where its address is given', () => {
  const env = { UPSTASH_REDIS_REST_URL: 'https://x.upstash.io', REDIS_HOST: 'redis' };

  expect(read(env).redis).toEqual({ kind: 'upstash', url: new URL('https://x.upstash.io') });
});

it('trims secrets and leaves empty ones out', () => {
  const env = Object.fromEntries(SECRET_NAMES.map((name) => [name, ` ${name}\n`]));

  expect(read({ ...env, CONSUL_TOKEN: '' }).secrets).toEqual({
    UPSTASH_REDIS_REST_TOKEN: 'UPSTASH_REDIS_REST_TOKEN',
    REDIS_PASSWORD: 'REDIS_PASSWORD',
    PROMETHEUS_TOKEN: 'PROMETHEUS_TOKEN',
    API_TOKENS: 'API_TOKENS',
  });
});

it('names every problem at once, and no value', () => {
  const wrong = {
    INSTANCE_ID: 'canary',
    CONSUL_URL: 'http://canary:canary@x',
    CONSUL_PORT: '70000',
    PROMETHEUS_URL: 'canary',
    PROMETHEUS_INSTANCE_LABEL: 'canary-x',
    SCRAPE_INTERVAL_S: '0',
    CPU_WINDOW_S: 'canary',
    INSTANCE_CPU_CORES: '0',
    INSTANCE_MEMORY_BYTES: '-1',
    GAME_CPU_CORES: 'canary',
    GAME_MEMORY_BYTES: 'canary',
    GAME_CPU_CORES_HIGH: '0',
    GAME_MEMORY_BYTES_HIGH: 'canary',
    STRATEGY: 'canary',
    PACK_CEILING: '1.1',
    REQUEST_STRATEGIES: 'spread,canary',
    DECISION_LOG: 'canary',
    SESSION_TTL: '0',
    REASSIGN_GRACE_MS: '86400001',
    FLEET_FRESH_MS: '10001',
    FLEET_STALE_MS: '9999',
    GAME_CACHE_TTL: '0',
    UPSTASH_REDIS_REST_URL: 'canary',
    REDIS_PORT: '0',
    REDIS_DB: '-1',
    SSM_PATH: 'canary',
    API_TOKENS: ' ',
  };

  const problems = problemsOf(wrong);

  expect(problems.map((problem) => problem.split(' ')[0]).toSorted()).toEqual(Object.keys(wrong).toSorted());
  expect(problems.join()).not.toContain('canary');
});
