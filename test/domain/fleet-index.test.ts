import { expect, it } from 'vitest';
import type { FleetList, Instance, InstanceStatus } from '../../lib/domain/fleet.ts';
import { healthyOf, indexOf, newestSampleS } from '../../lib/domain/fleet-index.ts';

function instance(id: string, status: InstanceStatus): Instance {
  return { id, status, cpuCores: 4, memoryBytes: 8e9, tags: [], meta: {} };
}

it('finds who takes games, and everybody by id', () => {
  const [a, b, c] = [instance('a', 'eligible'), instance('b', 'listed'), instance('c', 'gone')];
  const list: FleetList = { instances: [a, b, c], unusable: 0, duplicates: 0 };

  const index = indexOf(list);

  expect(index.eligible).toEqual([a]);
  expect(index.byId.get('c')).toBe(c);
  expect(indexOf(list)).toBe(index);
});

it('finds who is healthy, in the order of their addresses', () => {
  const list: FleetList = {
    instances: [
      { ...instance('a', 'eligible'), address: '10.0.0.3' },
      instance('10.0.0.2', 'listed'),
      { ...instance('10.0.0.1', 'listed'), draining: true },
      instance('10.0.0.0', 'gone'),
      { ...instance('z', 'eligible'), address: '10.0.0.10' },
    ],
    unusable: 0,
    duplicates: 0,
  };

  expect(healthyOf(list).map(({ id }) => id)).toEqual(['10.0.0.1', 'z', 'a']);
  expect(healthyOf({ ...list, instances: [] })).toEqual([]);
});

it('tells the newest sample of a report, and nothing where there is none', () => {
  const sample = (atS: number) => ({ atS, cpuCores: 1, memoryBytes: 1 });
  const samples = new Map([
    ['a', sample(3)],
    ['b', sample(9)],
    ['c', sample(5)],
  ]);

  expect(newestSampleS({ samples })).toBe(9);
  expect(newestSampleS({ samples: new Map() })).toBeUndefined();
});

it('keeps who is healthy and has the same address in the order of the list', () => {
  const same = ['b', 'a', 'c'].map((id) => ({ ...instance(id, 'eligible'), address: '10.0.0.1' }));
  const list: FleetList = {
    instances: [{ ...instance('z', 'eligible'), address: '10.0.0.2' }, ...same],
    unusable: 0,
    duplicates: 0,
  };

  expect(healthyOf(list).map(({ id }) => id)).toEqual(['b', 'a', 'c', 'z']);
});
