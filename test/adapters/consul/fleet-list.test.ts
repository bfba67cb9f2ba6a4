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
])('$name is $status', ({ checks = {}, meta = {}, status }) => {
  expect(read([healthEntry({ checks, meta })]).instances[0]?.status).toBe(status);
});

it('treats null checks and null meta as none', () => {
  const fleet = read([{ ...healthEntry({ meta: null }), Checks: null }]);

  expect(fleet.instances).toMatchObject([{ status: 'eligible', cpuCores: 4, memoryBytes: 8e9 }]);
});

it.each([
  { cpu: '2.5', memory: '1e9', cpuCores: 2.5, memoryBytes: 1e9 },
  { cpu: '0', memory: '-1', cpuCores: 4, memoryBytes: 8e9 },
  { cpu: 'NaN', memory: 'Infinity', cpuCores: 4, memoryBytes: 8e9 },
  { cpu: '', memory: ' ', cpuCores: 4, memoryBytes: 8e9 },
  { cpu: '4 cores', memory: '1e999', cpuCores: 4, memoryBytes: 8e9 },
])('reads capacity $cpu and $memory as $cpuCores and $memoryBytes', ({ cpu, memory, cpuCores, memoryBytes }) => {
  const { instances } = read([healthEntry({ meta: { cpu_cores: cpu, memory_bytes: memory } })]);

  expect(instances).toMatchObject([{ cpuCores, memoryBytes }]);
});

it('falls back to the address of the node', () => {
  expect(read([healthEntry({ address: '' })]).instances[0]?.id).toBe('10.9.9.9');
});

it('takes the id of the service when told to', () => {
  const fleet = readFleetList([healthEntry({ id: 'game-7' })], { ...OPTIONS, instanceId: 'service_id' });

  expect(fleet?.instances[0]?.id).toBe('game-7');
});

it.each([0, 65_536, -1, 80.5, '80', null])('leaves out port %s', (port) => {
  const [instance] = read([healthEntry({ port })]).instances;

  expect(instance?.id).toBe('10.0.0.3');
  expect(instance).not.toHaveProperty('port');
});

it.each(['a b', 'a.*', '>', 'a..b', '.a', 'a\u0000b'])('counts the id %j as unusable', (address) => {
  expect(read([healthEntry({ address }), healthEntry()])).toMatchObject({
    instances: [{ id: '10.0.0.3' }],
    unusable: 1,
  });
});

it.each([null, 7, 'text', [], {}, { Node: {}, Service: {} }, { ...healthEntry(), Checks: undefined }])(
  'drops and counts the unreadable element %#',
  (element) => {
    expect(read([element, healthEntry()])).toMatchObject({ instances: [{ id: '10.0.0.3' }], unusable: 1 });
  },
);

it('takes a list without one readable element for another answer, not for an empty fleet', () => {
  expect(readFleetList([null, {}], OPTIONS)).toBeUndefined();
  expect(readFleetList([], OPTIONS)).toEqual({ instances: [], unusable: 0, duplicates: 0 });
});

it.each([
  { first: 'passing', second: 'passing', status: 'eligible' },
  { first: 'passing', second: 'critical', status: 'listed' },
  { first: 'critical', second: 'passing', status: 'listed' },
  { first: 'passing', second: 'warning', status: 'listed' },
  { first: 'critical', second: 'warning', status: 'listed' },
  { first: 'critical', second: 'critical', status: 'gone' },
])('merges two entries of one id, $first and $second, into one that is $status', ({ first, second, status }) => {
  const meta = { cpu_cores: '2' };
  const fleet = read([
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

function read(elements: readonly unknown[]) {
  return readFleetList(elements, OPTIONS)!;
}
