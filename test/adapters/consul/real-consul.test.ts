import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startConsul } from '../../../dev/servers/consul.ts';
import type { RunningServer } from '../../../dev/servers/running-server.ts';
import { createConsulDiscovery } from '../../../lib/adapters/consul/discovery.ts';
import type { Discovery } from '../../../lib/app/ports.ts';
import { noLimit } from '../../support/http-server.ts';
import { recordedLog } from '../../support/recorded-log.ts';

const LONG_MS = 60_000;
let consul: RunningServer;

beforeAll(async () => {
  consul = await startConsul();
});
afterAll(() => consul?.stop());

it('sorts real instances by what Consul says of them', async () => {
  const service = 'sorted/service';
  await register(service, {
    ID: 'passing',
    Address: '10.0.0.1',
    Port: 5002,
    Tags: ['eu', 'gpu=a100'],
    Meta: { cpu_cores: '2', memory_bytes: '5e9', max_games: '20' },
  });
  await register(service, { ID: 'failing', Address: '10.0.0.2' }, 'critical');
  await register(service, { ID: 'warned', Address: '10.0.0.3' }, 'warning');
  await register(service, { ID: 'draining', Address: '10.0.0.4', Meta: { draining: 'true' } });
  await register(service, { ID: 'maintained', Address: '10.0.0.5' });
  await put('/v1/agent/service/maintenance/maintained?enable=true&reason=test');
  await register(service, { ID: 'both', Address: '10.0.0.6' }, 'critical');
  await put('/v1/agent/service/maintenance/both?enable=true');
  await register(service, { ID: 'unchecked', Address: '10.0.0.7' }, null);
  await register(service, { ID: 'twin-1', Address: '10.0.0.8', Port: 1 });
  await register(service, { ID: 'twin-2', Address: '10.0.0.8', Port: 2 });
  await register(service, { ID: 'odd', Address: 'a b' });
  await register(service, { ID: 'on-node' });
  const discovery = find(service);

  await vi.waitFor(
    async () => {
      const { instances, unusable, duplicates } = await discovery.list(noLimit());
      expect(Object.fromEntries(instances.map(({ id, status }) => [id, status]))).toEqual({
        '10.0.0.1': 'eligible',
        '10.0.0.2': 'gone',
        '10.0.0.3': 'listed',
        '10.0.0.4': 'listed',
        '10.0.0.5': 'listed',
        '10.0.0.6': 'gone',
        '10.0.0.7': 'eligible',
        '10.0.0.8': 'eligible',
        '127.0.0.1': 'eligible',
      });
      expect({ unusable, duplicates }).toEqual({ unusable: 1, duplicates: 1 });
      expect(instances.find(({ id }) => id === '10.0.0.1')).toMatchObject({
        port: 5002,
        cpuCores: 2,
        memoryBytes: 5e9,
        maxGames: 20,
        tags: ['eu', 'gpu=a100'],
        meta: { cpu_cores: '2', memory_bytes: '5e9', max_games: '20' },
      });
      expect(instances.find(({ id }) => id === '10.0.0.2')).toMatchObject({ tags: [], meta: {} });
      expect(instances.find(({ id }) => id === '10.0.0.8')).toMatchObject({ cpuCores: 8, memoryBytes: 16e9 });
    },
    { timeout: LONG_MS },
  );
});

it('gives an empty fleet for a service that nobody has registered', async () => {
  expect(await find('nobody').list(noLimit())).toEqual({ instances: [], unusable: 0, duplicates: 0 });
});

it('times out while Consul stands still, and works again after', async () => {
  const discovery = find('nobody');
  await discovery.list(noLimit());
  consul.signal('SIGSTOP');
  try {
    await expect(discovery.list(AbortSignal.timeout(200))).rejects.toMatchObject({ failure: 'timeout' });
  } finally {
    consul.signal('SIGCONT');
  }

  await vi.waitFor(() => discovery.list(AbortSignal.timeout(LONG_MS)), { timeout: LONG_MS });
});

it('reports connect while Consul is gone, and finds its fleet again after, without a new client', async () => {
  await register('lasting', { ID: 'lasting', Address: '10.0.0.9' });
  const discovery = find('lasting');
  await vi.waitFor(async () => expect((await discovery.list(noLimit())).instances.length).toBe(1), {
    timeout: LONG_MS,
  });
  consul.signal('SIGKILL');
  await vi.waitFor(() => expect(discovery.list(noLimit())).rejects.toMatchObject({ failure: 'connect' }), {
    timeout: LONG_MS,
  });

  await consul.restart();

  await vi.waitFor(async () => expect((await discovery.list(noLimit())).instances.length).toBe(1), {
    timeout: LONG_MS,
  });
});

function find(serviceName: string): Discovery {
  return createConsulDiscovery({
    baseUrl: new URL(consul.url),
    token: () => undefined,
    serviceName,
    instanceId: 'address',
    maxAgeMs: 300_000,
    defaults: { cpuCores: 4, memoryBytes: 8e9 },
    log: recordedLog(),
  });
}

async function register(name: string, settings: object, status: string | null = 'passing') {
  const check = status === null ? {} : { Check: { TTL: '1h', Status: status } };
  await put('/v1/agent/service/register', { Name: name, ...settings, ...check });
}

async function put(path: string, body?: object) {
  const response = await fetch(new URL(path, consul.url), {
    method: 'PUT',
    ...(body && { body: JSON.stringify(body) }),
  });
  expect(await response.text(), path).toBe('');
}
