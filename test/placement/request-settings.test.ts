import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Candidate } from '../../lib/app/placement.ts';
import { candidate, GIB, request, requests } from '../support/placement.ts';
import { chosen, type PlacementServer, startPlacementServer } from '../support/placement-service.ts';

let server: PlacementServer;
const service: PlacementServer['service'] = (...args) => server.service(...args);

beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server.stop());

const idle = (...ids: string[]) => ids.map((id) => candidate(id, [0, 0.4, GIB]));

function full(id: string): Candidate {
  const { instance, sample } = candidate(id, [0, 0, 0]);
  return { instance: { ...instance, maxGames: 1 }, sample };
}

describe('what a game is expected to use', () => {
  const big = { cpuCores: 1.2, exact: false };

  it('counts twice while its place is sought, and is pending afterwards', async () => {
    const { place, instance } = service();

    await place(idle('a'), [request({ expected: big })]);

    // 2 x 1.2 cores in games of 0.12; RAM is not known, so that it counts as one.
    expect((await instance('a'))?.new).toEqual([20, 1]);
  });

  it('counts once where it is exact', async () => {
    const { place, instance } = service();

    await place(idle('a'), [request({ expected: { cpuCores: 1.2, memoryBytes: 339e6, exact: true } })]);

    expect((await instance('a'))?.new).toEqual([10, 3]);
  });

  it('keeps the next games away from the instance that took a big one', async () => {
    const { place } = service();
    await place(idle('a', 'b'), [request({ expected: big })]);

    expect(chosen(await place(idle('a', 'b'), requests(15)))).toEqual({ b: 15 });
  });

  it('sends a big game where it fits, though a small one would go elsewhere', async () => {
    const fleet: Candidate[] = [
      { instance: { ...candidate('small').instance, cpuCores: 2 }, sample: candidate('x', [0, 0, GIB]).sample },
      { instance: { ...candidate('large').instance, cpuCores: 16 }, sample: candidate('x', [0, 4, GIB]).sample },
    ];

    expect(await service().place(fleet, [request()])).toMatchObject([{ instanceId: 'small' }]);
    expect(await service().place(fleet, [request({ expected: big })])).toMatchObject([{ instanceId: 'large' }]);
  });

  it('is counted as one session like any other game, so that it teaches nothing wrong', async () => {
    const { place, instance } = service();

    await place(idle('a'), [request({ expected: big }), request()]);

    expect((await instance('a'))?.sessions).toEqual([2, 2]);
  });
});

describe('the cost of a level', () => {
  const gameCost = {
    low: { cpuCores: 0.12, memoryBytes: 100e6 },
    high: { cpuCores: 0.06, memoryBytes: 400e6 },
  };

  it('is what a game of that level adds', async () => {
    const { place, instance } = service({ gameCost });

    await place(idle('a'), [request({ level: 'high' }), request({ level: 'low' })]);

    expect((await instance('a'))?.new).toEqual([1.5, 5]);
    expect((await instance('a'))?.sessions).toEqual([1.5, 5]);
  });

  it('is given back as a whole', async () => {
    const { place, release, instance } = service({ gameCost });
    await place(idle('a'), [request({ level: 'high', gameId: 'g1' })]);

    await release('g1');

    expect(await instance('a')).toMatchObject({ pending: [0, 0], new: [0, 0], sessions: [0, 0], games: 0 });
  });
});

describe('tiers', () => {
  it('are taken in order: a later one when every instance before it is full', async () => {
    const fleet = [...idle('rest'), full('preferred-1'), full('preferred-2')];

    const results = await service().place(fleet, requests(4, { tiers: [[1, 2], [0]] }));

    expect(results.map((result) => 'instanceId' in result && result.instanceId)).toEqual([
      'preferred-1',
      'preferred-2',
      'rest',
      'rest',
    ]);
  });

  it('leave out whoever is in none of them', async () => {
    const fleet = [candidate('idlest', [0, 0, 0]), ...idle('a', 'b')];

    expect(chosen(await service().place(fleet, requests(10, { tiers: [[1, 2]] })))).toEqual({ a: 5, b: 5 });
  });

  it('tell full from nobody there', async () => {
    const { place } = service();
    await place([full('a')], requests(1));

    const results = await place(
      [full('a'), ...idle('b')],
      [request({ tiers: [[0]] }), request({ tiers: [] }), request({ tiers: [[], []] })],
    );

    expect(results).toEqual([{ kind: 'no_capacity' }, { kind: 'no_candidate' }, { kind: 'no_candidate' }]);
  });
});

describe('pack', () => {
  // 0.4 of CPU and 1/8 of RAM in use at most: far under the ceiling of 0.75.
  const fleet = () => [
    candidate('low', [0, 0.4, GIB]),
    candidate('middle', [0, 1.6, GIB]),
    candidate('over', [0, 3.5, GIB]),
  ];

  it('fills the most used instance up to the ceiling, then the next', async () => {
    const results = await service({ strategy: 'pack' }).place(fleet(), requests(20));

    const order = results.map((result) => ('instanceId' in result ? result.instanceId : ''));
    const turn = order.indexOf('low');
    expect(turn).toBeGreaterThan(5);
    expect(order).toEqual(order.map((_, i) => (i < turn ? 'middle' : 'low')));
  });

  it('spreads where everybody is over the ceiling, with instances without metrics last', async () => {
    const loaded = [candidate('dark'), candidate('x', [0, 3.6, GIB]), candidate('y', [0, 3.4, GIB])];

    expect(await service({ strategy: 'pack' }).place(loaded, requests(1))).toMatchObject([{ instanceId: 'y' }]);
    expect(await service({ strategy: 'pack' }).place([candidate('dark')], requests(1))).toMatchObject([
      { instanceId: 'dark' },
    ]);
  });

  it('can be asked for by one request', async () => {
    const results = await service().place(fleet(), [request({ strategy: 'pack' }), request()]);

    expect(results).toMatchObject([{ instanceId: 'middle' }, { instanceId: 'low' }]);
  });
});
