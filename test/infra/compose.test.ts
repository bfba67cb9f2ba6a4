import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { findServer } from '../../dev/find-server.mjs';
import { readRelayConfig } from '../../lib/config/relay-config.ts';

const composeFile = fileURLToPath(new URL('../../deploy/compose.yaml', import.meta.url));
const { services, configs } = parse(await readFile(composeFile, 'utf8'));

/** Those of the Python service (docs/migration.md, "What stays"). */
const REPLACED = [
  ...['SERVICE_NAME', 'APP_TITLE', 'PORT', 'GAME_CACHE_TTL', 'NATS_URL', 'PROMETHEUS_URL', 'CONSUL_HOST'],
  ...['LOG_LEVEL', 'LOG_FORMAT', 'TRACE_CALLER', 'REDIS_HOST', 'REDIS_PORT', 'REDIS_DB', 'REDIS_PASSWORD'],
];

it('has the relay and everything that it asks, each from an image of a fixed version', () => {
  expect(Object.keys(services)).toEqual([
    ...['relay', 'nats', 'consul', 'prometheus', 'redis'],
    'serverless-redis-http',
  ]);
  for (const [name, { image, build }] of Object.entries<{ image: string; build?: unknown }>(services)) {
    if (build === undefined) expect([name, image]).toEqual([name, expect.stringMatching(/:v?\d+(\.\d+)+$/)]);
  }
});

it('builds the relay as it is shipped, and runs it the same way', () => {
  expect(services.relay.build).toEqual({ context: '..', dockerfile: 'deploy/relay/Dockerfile' });
  expect(services.relay).toMatchObject({ read_only: true, cap_drop: ['ALL'], restart: 'unless-stopped' });
  expect(services.relay).not.toHaveProperty('volumes');
  expect(services.relay.depends_on.toSorted()).toEqual(['consul', 'nats', 'prometheus', 'redis']);
});

it('gives the relay the variables of the service that it replaces, and two more', () => {
  const names = Object.keys(services.relay.environment);

  expect(names.toSorted()).toEqual([...REPLACED, 'NATS_TLS', 'SCRAPE_INTERVAL_S'].toSorted());
});

it('configures a relay that decides in its own process, with the addresses of its neighbours', () => {
  const entries = Object.entries<string>(services.relay.environment).map(([name, value]) => [
    name,
    value.replace(/^\$\{\w+:-(.*)\}$/, '$1'),
  ]);

  const config = readRelayConfig(Object.fromEntries(entries));

  expect(config.nats.servers).toEqual(['nats://nats:4222']);
  if (config.allocator.kind !== 'own') throw new Error('it forwards');
  const { consul, prometheus, redis } = config.allocator.config;
  const hosts = [consul.baseUrl.hostname, prometheus?.baseUrl.hostname, 'host' in redis && redis.host];
  for (const host of hosts) expect(Object.keys(services)).toContain(host);
});

it('opens ports on this machine alone', () => {
  for (const [name, { ports }] of Object.entries<{ ports: string[] }>(services)) {
    for (const port of ports) expect([name, port]).toEqual([name, expect.stringMatching(/^127\.0\.0\.1:\d+:\d+$/)]);
  }
});

it('has a Redis that throws nothing away', () => {
  expect(services.redis.command).toContain('--maxmemory-policy noeviction');
});

it('has a configuration that Prometheus takes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'compose-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  // Compose writes a dollar as two.
  const config = parse(configs.prometheus.content.replaceAll('$$', '$'));
  const [relay, job] = config.scrape_configs;
  expect(relay).toEqual({
    job_name: 'game-allocator-relay',
    static_configs: [{ targets: [`relay:${services.relay.environment.PORT}`] }],
  });
  expect(job.consul_sd_configs).toEqual([{ server: 'consul:8500', services: ['game-service', 'ai-service'] }]);
  expect(job.relabel_configs[0].replacement).toBe(`\${1}:8080`);
  // Debian's promtool knows no Consul.
  delete job.consul_sd_configs;
  const file = join(folder, 'prometheus.yml');
  await writeFile(file, JSON.stringify(config));

  const { command, env } = findServer('promtool');
  const { stdout } = await promisify(execFile)(command, ['check', 'config', file], { env });

  expect(stdout).toContain('SUCCESS');
});
