import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startFleet } from '../../dev/fleet/fleet.ts';
import type { Fleet } from '../../dev/fleet/fleet-types.ts';
import { startConsul } from '../../dev/servers/consul.ts';
import { startPrometheus } from '../../dev/servers/prometheus.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { createRunFolder } from '../../dev/servers/run-folder.ts';
import { createMeasuredLoad, type MeasuredLoad } from '../../dev/stack/measured-load.ts';
import { createLog } from '../../lib/adapters/log/create-log.ts';
import type { Allocate } from '../../lib/api/allocate.ts';
import { composeAllocator } from '../../lib/compose.ts';
import { readFunctionConfig } from '../../lib/config/function-config.ts';

const GIB = 1024 ** 3;
const MIDDLING = { cpuCores: 2, memoryBytes: 4 * GIB };
const closers: (() => unknown)[] = [];
let consulUrl: string;
let fleet: Fleet;
let measured: MeasuredLoad;
let allocate: Allocate;

beforeAll(async () => {
  const folder = await createRunFolder('measured-load');
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const targetsFile = join(folder, 'targets.json');
  const [consul, prometheus, redis] = await Promise.all([
    startConsul(),
    startPrometheus({ scrapeIntervalS: 1, targetsFile }),
    startRedis(),
  ]);
  closers.unshift(consul.stop, prometheus.stop, redis.stop);
  consulUrl = consul.url;
  fleet = await startFleet({ consulUrl, targetsFile, instances: 10, consulCheckIntervalMs: 500 });
  closers.unshift(fleet.stop);
  const env = {
    CONSUL_URL: consul.url,
    PROMETHEUS_URL: prometheus.url,
    SCRAPE_INTERVAL_S: '1',
    CPU_WINDOW_S: '5',
    // Only to have a whole configuration: the allocator below has a Redis of its own.
    UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
    UPSTASH_REDIS_REST_TOKEN: 'none',
    // It would write into the tests' own output.
    DECISION_LOG: 'off',
  };
  measured = createMeasuredLoad(env);
  const { allocator, log } = readFunctionConfig(env);
  const own = composeAllocator(
    { ...allocator, redis: { kind: 'tcp', host: '127.0.0.1', port: redis.port, db: 0 } },
    createLog(log, () => undefined),
  );
  allocate = own.allocate;
  closers.unshift(own.close);
});
afterAll(async () => {
  for (const close of closers) await close();
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error('It did not come to that in time');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function assign(level: 'low' | 'high'): Promise<string | undefined> {
  const request = { game_id: crypto.randomUUID(), settings: { resource_level: level } };
  const [reply] = await allocate([{ op: 'assign', request, budget_ms: 5000 }], AbortSignal.timeout(10_000));
  return reply?.success && 'instance_id' in reply ? reply.instance_id : undefined;
}

const near = (value: number | undefined, wanted: number) =>
  value !== undefined && Math.abs(value - wanted) < wanted / 4;

/** Holds the instances at these loads, the others at a middling one, until Prometheus shows all of it. */
async function hold(loads: Readonly<Record<string, { cpuCores: number; memoryBytes: number } | 'no-metrics'>>) {
  for (const { address } of fleet.instances) fleet.setLoad(address, loads[address] ?? MIDDLING);
  await until(async () => {
    const samples = await measured();
    return fleet.instances.every(({ address }) => {
      const wanted = loads[address] ?? MIDDLING;
      const sample = samples.get(address);
      if (wanted === 'no-metrics') return sample === undefined;
      return near(sample?.cpuCores, wanted.cpuCores) && near(sample?.memoryBytes, wanted.memoryBytes);
    });
  });
}

/** Asks until the view in the allocator's memory is one from after now. */
async function untilViewIsNew(level: 'low' | 'high', isNew: (instanceId: string | undefined) => boolean) {
  await until(async () => isNew(await assign(level)));
}

it('follows CPU for low and RAM for high, as the real Prometheus measured them', async () => {
  await hold({
    '127.10.0.2': { cpuCores: 0.4, memoryBytes: 6 * GIB },
    '127.10.0.3': { cpuCores: 3, memoryBytes: 1 * GIB },
  });
  await untilViewIsNew('low', (id) => id === '127.10.0.2');

  expect(await assign('low')).toBe('127.10.0.2');
  expect(await assign('high')).toBe('127.10.0.3');
});

it('tells an address from one that begins like it', async () => {
  await hold({
    '127.10.0.1': { cpuCores: 3.2, memoryBytes: 4 * GIB },
    '127.10.0.10': { cpuCores: 0.2, memoryBytes: 4 * GIB },
  });
  await untilViewIsNew('low', (id) => id === '127.10.0.10');
  expect(await assign('low')).toBe('127.10.0.10');

  await hold({
    '127.10.0.1': { cpuCores: 0.2, memoryBytes: 4 * GIB },
    '127.10.0.10': { cpuCores: 3.2, memoryBytes: 4 * GIB },
  });
  await untilViewIsNew('low', (id) => id === '127.10.0.1');
  expect(await assign('low')).toBe('127.10.0.1');
});

it('does not let an instance without metrics attract games', async () => {
  await hold({ '127.10.0.4': 'no-metrics', '127.10.0.5': { cpuCores: 0.2, memoryBytes: 4 * GIB } });
  await untilViewIsNew('low', (id) => id === '127.10.0.5');

  const chosen = [];
  for (let i = 0; i < 20; i += 1) chosen.push(await assign('low'));

  expect(chosen.filter((id) => id === '127.10.0.4').length).toBeLessThanOrEqual(2);
});

it('gives an instance nothing more, 10 s after Consul called it failing at the latest', async () => {
  const failing = '127.10.0.7';
  await hold({ [failing]: { cpuCores: 0.2, memoryBytes: 4 * GIB } });
  await untilViewIsNew('low', (id) => id === failing);
  fleet.setHealth(failing, 'critical');
  await until(async () => {
    const response = await fetch(`${consulUrl}/v1/health/service/game-service?passing`);
    const passing = (await response.json()) as { Service: { Address: string } }[];
    return !passing.some(({ Service }) => Service.Address === failing);
  });
  const reportedAt = performance.now();

  let lastChosenAfterMs = 0;
  while (performance.now() - reportedAt < 12_000) {
    const askedAfterMs = performance.now() - reportedAt;
    if ((await assign('low')) === failing) lastChosenAfterMs = askedAfterMs;
  }

  expect(lastChosenAfterMs).toBeLessThan(10_000);
});
