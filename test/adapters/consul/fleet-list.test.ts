import { expect, it } from 'vitest';
import { readFleetList } from '../../../lib/adapters/consul/fleet-list.ts';
import { healthEntry } from './health-entry.ts';

const OPTIONS = { instanceId: 'address', defaults: { cpuCores: 4, memoryBytes: 8e9 } } as const;

it.each([
  { name: 'all passing', checks: { http: 'passing' }, status: 'eligible' },
  { name: 'no check of its own', checks: {}, status: 'eligible' },
  { name: 'a warning', checks: { http: 'warning' }, status: 'listed' },
  { name: 'a critical check', checks: { http: 'critical' }, status: 'gone' },
  { name: 'a dead node', checks: { serfHealth: 'critical' }, status: 'gone' },
  { name: 'a critical check beside a warning', checks: { http: 'warning', tcp: 'critical' }, status: 'gone' },
  { name: 'a status that nobody knows', checks: { http: 'odd' }, status: 'listed' },
  { name: 'the service in maintenance', checks: { '_service_maintenance:game-1': 'critical' }, status: 'listed' },
  { name: 'the node in maintenance', checks: { _node_maintenance: 'critical' }, status: 'listed' },
  { name: 'maintenance and failing', checks: { _node_maintenance: 'critical', http: 'critical' }, status: 'gone' },
  { name: 'draining', meta: { draining: 'true' }, status: 'listed' },
  { name: 'draining and failing', meta: { draining: 'true' }, checks: { http: 'critical' }, status: 'gone' },
  { name: 'not draining', meta: { draining: 'false' }, status: 'eligible' },
])('$name is $status', async ({ checks = {}, meta = {}, status }) => {
  expect((await read([healthEntry({ checks, meta })])).instances[0]?.status).toBe(status);
});

it('treats null checks and null meta as none', async () => {
  const fleet = await read([{ ...healthEntry({ meta: null }), Checks: null }]);

  expect(fleet.instances).toMatchObject([{ status: 'eligible', cpuCores: 4, memoryBytes: 8e9 }]);
});

it.each([
  { cpu: '2.5', memory: '1e9', cpuCores: 2.5, memoryBytes: 1e9 },
  { cpu: '0', memory: '-1', cpuCores: 4, memoryBytes: 8e9 },
  { cpu: 'NaN', memory: 'Infinity', cpuCores: 4, memoryBytes: 8e9 },
  { cpu: '', memory: ' ', cpuCores: 4, memoryBytes: 8e9 },
  { cpu: '4 cores', memory: '1e999', cpuCores: 4, memoryBytes: 8e9 },
])('reads capacity $cpu and $memory as $cpuCores and $memoryBytes', async ({ cpu, memory, cpuCores, memoryBytes }) => {
  const { instances } = await read([healthEntry({ meta: { cpu_cores: cpu, memory_bytes: memory } })]);

  expect(instances).toMatchObject([{ cpuCores, memoryBytes }]);
});

it.each([
  ['20', 20],
  ['1', 1],
  ['0', undefined],
  ['-5', undefined],
  ['2.5', undefined],
  ['Infinity', undefined],
  ['1e30', undefined],
  ['twenty', undefined],
  ['', undefined],
  [20, undefined],
])('reads max_games %j as %s', async (text, maxGames) => {
  const [instance] = (await read([healthEntry({ meta: { max_games: text } })])).instances;

  expect(instance?.maxGames).toBe(maxGames);
  expect(Object.hasOwn(instance!, 'maxGames')).toBe(maxGames !== undefined);
});

it('keeps the tags and the Meta of an instance', async () => {
  const meta = { region: 'eu', draining: 'false', constructor: 'x' };
  const [instance] = (await read([healthEntry({ tags: ['v1', 'gpu=a100'], meta })])).instances;

  expect(instance).toMatchObject({ tags: ['v1', 'gpu=a100'], meta });
});

it.each([null, undefined, 'v1', { 0: 'v1' }, [7, null, {}]])('takes tags %j for none', async (tags) => {
  const [instance] = (await read([{ ...healthEntry(), Service: { ...healthEntry().Service, Tags: tags } }])).instances;

  expect(instance?.tags).toEqual([]);
});

it('keeps the first 64 tags and keys, and none with a text of more than 128 characters', async () => {
  const long = 'x'.repeat(129);
  const most = '🎮'.repeat(128);
  const many = Array.from({ length: 70 }, (_, index) => `k${index}`);
  const meta = { [long]: 'v', v: long, n: 7, most, ...Object.fromEntries(many.map((key) => [key, 'v'])) };

  const [instance] = (await read([healthEntry({ tags: [long, most, ...many], meta })])).instances;

  expect(instance?.tags).toEqual([most, ...many.slice(0, 63)]);
  expect(Object.keys(instance?.meta ?? {})).toEqual(['most', ...many.slice(0, 63)]);
});

it.each([
  ['5003', '50051', { restPort: 5003, grpcPort: 50_051 }],
  ['1', undefined, { restPort: 1 }],
  [undefined, '65535', { grpcPort: 65_535 }],
  ['0', '65536', {}],
  ['-1', '80.5', {}],
  ['http', '', {}],
  [5003, null, {}],
])('reads the ports %j and %j from the Meta as %o', async (rest, grpc, ports) => {
  const [instance] = (await read([healthEntry({ meta: { rest_api_port: rest, grpc_port: grpc } })])).instances;

  const { restPort, grpcPort } = instance!;
  expect({ ...(restPort && { restPort }), ...(grpcPort && { grpcPort }) }).toEqual(ports);
});

it('tells those that are draining and well from others that take no games', async () => {
  const draining = { draining: 'true' };
  const fleet = await read([
    healthEntry({ address: 'a', meta: draining }),
    healthEntry({ address: 'b', meta: draining, checks: { http: 'warning' } }),
    healthEntry({ address: 'c', meta: draining, checks: { _node_maintenance: 'critical' } }),
    healthEntry({ address: 'd', meta: draining, checks: { http: 'critical' } }),
    healthEntry({ address: 'e' }),
  ]);

  expect(fleet.instances.map((instance) => instance.draining ?? false)).toEqual([true, false, false, false, false]);
});

it.each([
  { first: {}, second: {}, draining: false },
  { first: { meta: { draining: 'true' } }, second: {}, draining: true },
  { first: {}, second: { meta: { draining: 'true' } }, draining: true },
  { first: { meta: { draining: 'true' } }, second: { meta: { draining: 'true' } }, draining: true },
  { first: { meta: { draining: 'true' } }, second: { checks: { http: 'warning' } }, draining: false },
  { first: { meta: { draining: 'true' } }, second: { checks: { http: 'critical' } }, draining: false },
])('merges $first and $second into one that is draining and well: $draining', async ({ first, second, draining }) => {
  const [instance] = (await read([healthEntry(first), healthEntry(second)])).instances;

  expect(instance?.draining ?? false).toBe(draining);
});

it('keeps the address of an instance where that is not its id', async () => {
  const byId = { ...OPTIONS, instanceId: 'service_id' } as const;
  const entries = [healthEntry({ id: 'game-7' }), healthEntry({ id: 'game-8', address: '' })];

  const fleet = await readFleetList(entries, byId, new AbortController().signal);

  expect(fleet?.instances.map(({ id, address }) => [id, address])).toEqual([
    ['game-7', '10.0.0.3'],
    ['game-8', '10.9.9.9'],
  ]);
  expect((await read([healthEntry()])).instances[0]).not.toHaveProperty('address');
});

it('falls back to the address of the node', async () => {
  expect((await read([healthEntry({ address: '' })])).instances[0]?.id).toBe('10.9.9.9');
});

it('takes the id of the service when told to', async () => {
  const fleet = await readFleetList(
    [healthEntry({ id: 'game-7' })],
    { ...OPTIONS, instanceId: 'service_id' },
    new AbortController().signal,
  );

  expect(fleet?.instances[0]?.id).toBe('game-7');
});

it.each([0, 65_536, -1, 80.5, '80', null])('leaves out port %s', async (port) => {
  const [instance] = (await read([healthEntry({ port })])).instances;

  expect(instance?.id).toBe('10.0.0.3');
  expect(instance).not.toHaveProperty('port');
});

it.each(['a b', 'a.*', '>', 'a..b', '.a', 'a\u0000b'])('counts the id %j as unusable', async (address) => {
  expect(await read([healthEntry({ address }), healthEntry()])).toMatchObject({
    instances: [{ id: '10.0.0.3' }],
    unusable: 1,
  });
});

it.each([null, 7, 'text', [], {}, { Node: {}, Service: {} }, { ...healthEntry(), Checks: undefined }])(
  'drops and counts the unreadable element %#',
  async (element) => {
    expect(await read([element, healthEntry()])).toMatchObject({ instances: [{ id: '10.0.0.3' }], unusable: 1 });
  },
);

it('takes a list without one readable element for another answer, not for an empty fleet', async () => {
  expect(await readFleetList([null, {}], OPTIONS, new AbortController().signal)).toBeUndefined();
  expect(await readFleetList([], OPTIONS, new AbortController().signal)).toEqual({
    instances: [],
    unusable: 0,
    duplicates: 0,
  });
});

it.each([
  { first: 'passing', second: 'passing', status: 'eligible' },
  { first: 'passing', second: 'critical', status: 'listed' },
  { first: 'critical', second: 'passing', status: 'listed' },
  { first: 'passing', second: 'warning', status: 'listed' },
  { first: 'critical', second: 'warning', status: 'listed' },
  { first: 'critical', second: 'critical', status: 'gone' },
])('merges two entries of one id, $first and $second, into one that is $status', async ({ first, second, status }) => {
  const meta = { cpu_cores: '2' };
  const fleet = await read([
    healthEntry({ port: 5002, checks: { http: first }, meta }),
    healthEntry({ port: 5003, checks: { http: second } }),
    healthEntry({ address: '10.0.0.4' }),
  ]);

  expect(fleet.duplicates).toBe(1);
  expect(fleet.instances).toMatchObject([
    { id: '10.0.0.3', port: 5002, status, cpuCores: 6, memoryBytes: 16e9 },
    { id: '10.0.0.4' },
  ]);
});

it.each([
  [['20', '30'], 50],
  [['20', undefined], undefined],
  [[undefined, '30'], undefined],
  [['20', undefined, '30'], undefined],
])('merged entries with max_games %j may have %s', async (limits, maxGames) => {
  const entries = limits.map((limit) => healthEntry({ meta: limit === undefined ? {} : { max_games: limit } }));

  expect((await read(entries)).instances[0]?.maxGames).toBe(maxGames);
});

it('keeps of merged entries the tags and the Meta that all have', async () => {
  const [instance] = (
    await read([
      healthEntry({ tags: ['v1', 'eu', 'old'], meta: { region: 'eu', zone: 'a', valueOf: 'x' } }),
      healthEntry({ tags: ['eu', 'v1', 'new'], meta: { region: 'eu', zone: 'b' } }),
    ])
  ).instances;

  expect(instance).toMatchObject({ tags: ['v1', 'eu'] });
  expect(instance?.meta).toEqual({ region: 'eu' });
});

async function read(elements: readonly unknown[]) {
  return (await readFleetList(elements, OPTIONS, new AbortController().signal))!;
}
