import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';
import { startFleet } from '../../dev/fleet/fleet.ts';
import type { FleetOptions, InstanceChange } from '../../dev/fleet/fleet-types.ts';
import { gameCost } from '../../dev/fleet/game-cost.ts';
import { createInstanceLoad } from '../../dev/fleet/instance-load.ts';
import { startConsul } from '../../dev/servers/consul.ts';
import { startPrometheus } from '../../dev/servers/prometheus.ts';
import { startRedis } from '../../dev/servers/redis.ts';

const GIB = 2 ** 30;
const IDLE = { cpuCores: 0.02, memoryBytes: 200e6 };
const PATIENCE = { timeout: 40_000, interval: 100 };
const started: { stop(): Promise<void> }[] = [];
let folder = '';
let targetsFile = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fleet-'));
  targetsFile = join(folder, 'targets.json');
});

afterEach(async () => {
  // The fleet first: it takes its instances out of Consul.
  for (const part of started.splice(0).reverse()) await part.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('shows the loads it is held at through the one query of the whole fleet', { timeout: 120_000 }, async () => {
  const consul = keep(await startConsul());
  const fleet = await start({ consulUrl: consul.url, instances: 11 });
  fleet.setLoad('127.10.0.1', { cpuCores: 3.5, memoryBytes: GIB });
  fleet.setLoad('127.10.0.10', { cpuCores: 0.25, memoryBytes: 6 * GIB });
  fleet.setLoad('127.10.0.11', 'no-metrics');
  const prometheus = keep(await startPrometheus({ targetsFile, scrapeIntervalS: 0.5 }));
  const { port = 0 } = fleet.instances[0] ?? {};

  // rate() over 30 s gives too little until it has 30 s of samples.
  await vi.waitFor(
    async () => {
      const seen = await query(prometheus.url);
      expect(close(seen.get(`127.10.0.1:${port}`)?.['cpu'], 3.5)).toBe(true);
      expect(close(seen.get(`127.10.0.10:${port}`)?.['cpu'], 0.25)).toBe(true);
      expect(close(seen.get(`127.10.0.2:${port}`)?.['cpu'], IDLE.cpuCores)).toBe(true);
    },
    { timeout: 80_000, interval: 500 },
  );

  const seen = await query(prometheus.url);
  expect(seen.get(`127.10.0.1:${port}`)?.['ram']).toBe(GIB);
  expect(seen.get(`127.10.0.10:${port}`)?.['ram']).toBe(6 * GIB);
  expect(seen.get(`127.10.0.2:${port}`)?.['ram']).toBe(IDLE.memoryBytes);
  expect(Math.abs(Date.now() / 1000 - (seen.get(`127.10.0.1:${port}`)?.['ts'] ?? 0))).toBeLessThan(5);
  expect([...seen.values()].map((values) => Object.keys(values).sort().join())).toEqual(Array(10).fill('cpu,ram,ts'));
  expect(seen.has(`127.10.0.11:${port}`)).toBe(false);

  // Metrics that go away must go from the answer too, not stay at the last value.
  fleet.setLoad('127.10.0.10', 'no-metrics');
  fleet.setLoad('127.10.0.1', undefined);
  await vi.waitFor(async () => {
    const now = await query(prometheus.url);
    expect(now.get(`127.10.0.10:${port}`)?.['ram']).toBeUndefined();
    expect(now.get(`127.10.0.1:${port}`)?.['ram']).toBe(IDLE.memoryBytes);
  }, PATIENCE);
});

it('turns critical in Consul and passing again as it is told', async () => {
  const consul = keep(await startConsul());
  const fleet = await start({ consulUrl: consul.url, instances: 3, consulCheckIntervalMs: 200 });
  expect(await statuses(consul.url)).toEqual(['passing', 'passing', 'passing']);

  fleet.setHealth('127.10.0.2', 'critical');
  await vi.waitFor(
    async () => expect(await statuses(consul.url)).toEqual(['passing', 'critical', 'passing']),
    PATIENCE,
  );

  fleet.setHealth('127.10.0.2', 'passing');
  await vi.waitFor(async () => expect(await statuses(consul.url)).toEqual(['passing', 'passing', 'passing']), PATIENCE);
});

it('registers what each instance is, takes one out, and all at the end', async () => {
  const consul = keep(await startConsul());
  const fleet = await start({ consulUrl: consul.url, instances: 4, mixed: true });
  const { port = 0 } = fleet.instances[0] ?? {};

  const services = (await entries(consul.url)).map(({ Service }) => Service);
  expect(services.map(({ Address, Port }) => `${Address}:${Port}`)).toEqual(
    [1, 2, 3, 4].map((last) => `127.10.0.${last}:${port}`),
  );
  expect(services.map(({ Meta }) => [Meta['cpu_cores'], Meta['memory_bytes']])).toEqual([
    ['2', String(4 * GIB)],
    ['4', String(8 * GIB)],
    ['8', String(16 * GIB)],
    ['2', String(4 * GIB)],
  ]);
  expect(Object.keys(services[0]!.Meta).sort()).toEqual(['cpu_cores', 'grpc_port', 'memory_bytes', 'rest_api_port']);

  await fleet.remove('127.10.0.3');
  expect((await entries(consul.url)).map(({ Service }) => Service.Address)).not.toContain('127.10.0.3');
  expect(JSON.parse(readFileSync(targetsFile, 'utf8'))).toEqual([
    { targets: [1, 2, 4].map((last) => `127.10.0.${last}:${port}`), labels: {} },
  ]);
  await expect(fetch(`http://127.10.0.3:${port}/health`)).rejects.toThrow();

  await fleet.stop();
  expect(await entries(consul.url)).toEqual([]);
});

it('drains and serves again, keeping what Consul knows of its health', async () => {
  const consul = keep(await startConsul());
  const fleet = await start({ consulUrl: consul.url, instances: 2, maxGames: 7, consulCheckIntervalMs: 200 });
  const meta = async () => (await entries(consul.url)).map(({ Service }) => Service.Meta);
  fleet.setHealth('127.10.0.2', 'critical');
  await vi.waitFor(async () => expect(await statuses(consul.url)).toEqual(['passing', 'critical']), PATIENCE);

  await fleet.setDraining('127.10.0.1', true);
  await fleet.setDraining('127.10.0.2', true);

  expect(await statuses(consul.url)).toEqual(['passing', 'critical']);
  expect(await meta()).toMatchObject([
    { draining: 'true', max_games: '7' },
    { draining: 'true', max_games: '7' },
  ]);
  await fleet.setDraining('127.10.0.1', false);
  expect((await meta())[0]).not.toHaveProperty('draining');
});

it('goes into maintenance mode and out of it', async () => {
  const consul = keep(await startConsul());
  const fleet = await start({ consulUrl: consul.url, instances: 2 });
  const checks = async () =>
    (await entries(consul.url)).map(({ Checks }) => Checks.map(({ CheckID, Status }) => `${CheckID} ${Status}`));
  const before = await checks();

  await fleet.setMaintenance('127.10.0.2', true);

  expect((await checks())[0]).toEqual(before[0]);
  expect((await checks())[1]).toContain('_service_maintenance:game-service-2 critical');
  await fleet.setMaintenance('127.10.0.2', false);
  expect(await checks()).toEqual(before);
});

it('brings back an instance that it took out, as the one that it was', async () => {
  const consul = keep(await startConsul());
  const fleet = await start({ consulUrl: consul.url, instances: 2 });
  const before = await entries(consul.url);
  const { port = 0 } = fleet.instances[0] ?? {};
  await fleet.remove('127.10.0.1');

  await fleet.restore('127.10.0.1');

  expect((await entries(consul.url)).map(({ Service }) => Service.Address)).toEqual(
    before.map(({ Service }) => Service.Address),
  );
  expect(await statuses(consul.url)).toEqual(['passing', 'passing']);
  expect((await fetch(`http://127.10.0.1:${port}/health`)).status).toBe(200);
  const [{ targets }] = JSON.parse(readFileSync(targetsFile, 'utf8')) as [{ targets: string[] }];
  expect(targets.sort()).toEqual([`127.10.0.1:${port}`, `127.10.0.2:${port}`]);
  await fleet.stop();
  expect(await entries(consul.url)).toEqual([]);
});

it('stops although Consul is gone', async () => {
  const consul = keep(await startConsul());
  const fleet = await start({ consulUrl: consul.url, instances: 2 });
  const complaint = vi.spyOn(console, 'error').mockImplementation(() => undefined);

  await consul.stop();
  await fleet.stop();

  expect(complaint).toHaveBeenCalledWith(expect.stringContaining('left in Consul'));
  complaint.mockRestore();
});

it('lets load follow the games that the records in Redis give it', async () => {
  const [consul, redis] = await Promise.all([startConsul(), startRedis()]);
  keep(consul);
  keep(redis);
  const client = new Redis(redis.url);
  started.push({ stop: async () => client.disconnect() });
  const fleet = await start({ consulUrl: consul.url, redisUrl: redis.url, instances: 2 });
  await client.set('games:игра/1"2"', '"127.10.0.2"');
  await client.set('games:by-service-id', '"game-service-2"');
  await client.set('games:elsewhere', '"10.0.0.9"');
  await client.set('games:unquoted', '127.10.0.2');
  await client.hset('games:a-hash', 'field', 'value');

  await vi.waitFor(() => expect(fleet.instances.map(({ games }) => games)).toEqual([0, 2]), PATIENCE);
  const costs = ['игра/1"2"', 'by-service-id'].map(gameCost);
  const cpuCores = costs.reduce((sum, cost) => sum + cost.cpuCores, IDLE.cpuCores);
  const memoryBytes = costs.reduce((sum, cost) => sum + cost.memoryBytes, IDLE.memoryBytes);
  await vi.waitFor(() => {
    expect(fleet.load('127.10.0.2').cpuCores).toBeCloseTo(cpuCores, 6);
    expect(fleet.load('game-service-2').memoryBytes).toBeCloseTo(memoryBytes, 0);
  }, PATIENCE);
  expect(fleet.load('127.10.0.1')).toEqual(IDLE);

  await client.del('games:by-service-id');
  await vi.waitFor(() => expect(fleet.instances[1]?.games).toBe(1), PATIENCE);

  redis.signal('SIGKILL');
  const complaint = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  await vi.waitFor(() => expect(complaint).toHaveBeenCalledOnce(), PATIENCE);
  complaint.mockRestore();
  expect(fleet.instances[1]?.games).toBe(1);
  await redis.restart();
  await vi.waitFor(() => expect(fleet.instances[1]?.games).toBe(0), PATIENCE);
});

it('runs as a process that reports true loads and leaves nothing in Consul', async () => {
  const consul = keep(await startConsul());
  const main = join(PROJECT_ROOT, 'dev', 'fleet', 'main.ts');
  const args = [
    '--consul-url',
    consul.url,
    '--targets-file',
    targetsFile,
    '--instances',
    '2',
    '--mixed',
    '--max-games',
    '9',
  ];
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push({ stop: async () => void child.kill('SIGKILL') });

  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { ready, instances, url } = JSON.parse(line) as { ready: boolean; instances: number; url: string };
  expect([ready, instances]).toEqual([true, 2]);
  expect(await statuses(consul.url)).toEqual(['passing', 'passing']);
  expect(await (await fetch(`${url}/fleet`)).json()).toMatchObject({
    instances: [
      { id: 'game-service-1', address: '127.10.0.1', cpuCores: 2, memoryBytes: 4 * GIB, games: 0, load: IDLE },
      { id: 'game-service-2', address: '127.10.0.2', cpuCores: 4, memoryBytes: 8 * GIB, games: 0, load: IDLE },
    ],
  });

  const patch = (id: string, change: InstanceChange) =>
    fetch(`${url}/fleet/${id}`, { method: 'PATCH', body: JSON.stringify(change) });
  const held = { cpuCores: 1.5, memoryBytes: GIB };
  expect((await patch('127.10.0.1', { load: held, maintenance: true, draining: true })).status).toBe(204);
  expect((await patch('127.10.0.2', { present: false })).status).toBe(204);
  const report = await (await fetch(`${url}/fleet`)).json();
  expect(report).toMatchObject({ instances: [{ address: '127.10.0.1', maxGames: 9, load: held }] });
  const [entry, ...others] = await entries(consul.url);
  expect(others).toEqual([]);
  expect(entry?.Service.Meta).toMatchObject({ draining: 'true', max_games: '9' });
  expect(entry?.Checks.map(({ CheckID }) => CheckID)).toContain('_service_maintenance:game-service-1');
  expect((await patch('127.10.0.2', { present: true, health: 'critical' })).status).toBe(204);
  await vi.waitFor(async () => expect((await statuses(consul.url))[1]).toBe('critical'), PATIENCE);
  expect((await patch('127.10.0.1', { load: 'games' })).status).toBe(204);
  expect(await (await fetch(`${url}/fleet`)).json()).toMatchObject({ instances: [{ load: IDLE }, {}] });
  const unknown = await patch('10.0.0.1', { health: 'critical' });
  expect([unknown.status, await unknown.text()]).toEqual([400, 'No instance 10.0.0.1 in the fleet']);

  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(await entries(consul.url)).toEqual([]);
});

it('counts CPU by the time that passed and the use at that time', () => {
  const use = createInstanceLoad(4, 1000);
  const { cpuCores } = gameCost('a');

  expect(use.cpuSecondsAt(11_000)).toBeCloseTo(10 * IDLE.cpuCores, 9);
  use.setGames(['a'], 11_000);
  expect(use.at(13_500).cpuCores).toBeCloseTo(IDLE.cpuCores + cpuCores / 2, 9);
  expect(use.cpuSecondsAt(16_000)).toBeCloseTo(15 * IDLE.cpuCores + 2.5 * cpuCores, 9);
  // Told again of the same game: no new ramp.
  use.setGames(['a'], 16_000);
  expect(use.cpuSecondsAt(17_000)).toBeCloseTo(16 * IDLE.cpuCores + 3.5 * cpuCores, 9);
  use.hold({ cpuCores: 2, memoryBytes: 1 }, 17_000);
  expect(use.cpuSecondsAt(27_000)).toBeCloseTo(16 * IDLE.cpuCores + 3.5 * cpuCores + 20, 9);
  use.hold(undefined, 27_000);
  use.setGames([], 27_000);
  expect(use.at(27_000)).toEqual(IDLE);
});

it('never uses more CPU than the instance has', () => {
  const use = createInstanceLoad(2, 0);

  use.setGames(gameIds(200), 0);

  expect(use.at(10_000).cpuCores).toBe(2);
});

it('gives games lognormal costs, the same each time', () => {
  const costs = gameIds(4001).map(gameCost);

  const cpu = costs.map(({ cpuCores }) => Math.log(cpuCores / 0.1) / 0.6).sort((a, b) => a - b);
  const memory = costs.map(({ memoryBytes }) => Math.log(memoryBytes / 100e6) / 0.5).sort((a, b) => a - b);
  for (const normal of [cpu, memory]) {
    // Median, and the two points that hold 68 % of a standard normal draw.
    expect(normal[2000]).toBeCloseTo(0, 0.5);
    expect(normal[635]).toBeCloseTo(-1, 0.5);
    expect(normal[3365]).toBeCloseTo(1, 0.5);
  }
  expect(gameCost('g')).toEqual(gameCost('g'));
});

function gameIds(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `game-${index}`);
}

async function start(options: Omit<FleetOptions, 'targetsFile'>) {
  return keep(await startFleet({ ...options, targetsFile }));
}

function keep<T extends { stop(): Promise<void> }>(part: T): T {
  started.push(part);
  return part;
}

function close(value: number | undefined, expected: number): boolean {
  return value !== undefined && Math.abs(value - expected) <= 0.03 * expected;
}

/** The allocator's query, as its defaults make it: by `instance` label, the values by name. */
async function query(prometheusUrl: string): Promise<Map<string, Record<string, number>>> {
  const label = 'container_label_com_docker_compose_service="game-service"';
  const cpuMetric = `container_cpu_usage_seconds_total{${label}}`;
  const ramMetric = `container_memory_usage_bytes{${label}}`;
  const parts = {
    cpu: `sum by (instance) (rate(${cpuMetric}[30s]) or rate(${cpuMetric}[1m]))`,
    ram: `sum by (instance) (${ramMetric})`,
    ts: `max by (instance) (timestamp(${ramMetric}))`,
  };
  const text = Object.entries(parts)
    .map(([name, part]) => `label_replace(${part}, "m", "${name}", "", "")`)
    .join(' or ');
  const url = new URL('/api/v1/query', prometheusUrl);
  url.searchParams.set('query', text);
  const body = (await (await fetch(url)).json()) as {
    data: { result: { metric: { instance: string; m: string }; value: [number, string] }[] };
  };
  const seen = new Map<string, Record<string, number>>();
  for (const { metric, value } of body.data.result) {
    seen.set(metric.instance, { ...seen.get(metric.instance), [metric.m]: Number(value[1]) });
  }
  return seen;
}

interface Entry {
  readonly Service: { readonly Address: string; readonly Port: number; readonly Meta: Record<string, string> };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string }[];
}

async function entries(consulUrl: string): Promise<readonly Entry[]> {
  const response = await fetch(`${consulUrl}/v1/health/service/game-service`);
  const list = (await response.json()) as Entry[];
  return list.sort((a, b) => a.Service.Address.localeCompare(b.Service.Address));
}

async function statuses(consulUrl: string): Promise<readonly (string | undefined)[]> {
  return (await entries(consulUrl)).map(
    ({ Checks }) => Checks.find(({ CheckID }) => CheckID.startsWith('service:'))?.Status,
  );
}
