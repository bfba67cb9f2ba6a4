import { afterAll, beforeAll, expect, it } from 'vitest';
import { candidate, GIB, request, requests } from '../support/placement.ts';
import { type PlacementServer, startPlacementServer } from '../support/placement-service.ts';

let server: PlacementServer;
const service: PlacementServer['service'] = (...args) => server.service(...args);

beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server.stop());

it('names the winner, every candidate with its figures, and why one was not to be had', async () => {
  const { place, explain, at } = service();
  const busy = candidate('busy', [0, 2, 2 * GIB]);
  const fleet = [
    busy,
    candidate('idle', [0, 0.4, GIB]),
    { ...candidate('full', [0, 0, 0]), instance: { ...candidate('full').instance, maxGames: 1 } },
    candidate('dark'),
    candidate('other-region', [0, 0, 0]),
  ];
  const withoutDark = fleet.filter(({ sample }) => sample);
  await place(withoutDark, requests(1, { tiers: [[2]] }));
  await place(withoutDark, requests(2, { tiers: [[0]] }));
  at(4);

  const { result, candidates, gameCpuCores } = await explain(fleet, request({ tiers: [[0, 1, 2, 3]] }));

  expect(result).toMatchObject({ kind: 'placed', instanceId: 'idle' });
  expect(candidates.map(({ instanceId, state }) => [instanceId, state])).toEqual([
    ['busy', 'sampled'],
    ['idle', 'sampled'],
    ['full', 'full'],
    ['dark', 'dark'],
    ['other-region', 'not_selected'],
  ]);
  expect(candidates[0]).toMatchObject({ cpuPending: 2, ramPending: 2, games: 2, sampleAgeS: 4 });
  expect(candidates[0]?.cpu).toBeCloseTo((2 + 0.12 * 5) / 4, 9);
  expect(candidates[0]?.ram).toBeCloseTo((2 * GIB + 113e6 * 5) / (8 * GIB), 9);
  expect(candidates[3]?.sampleAgeS).toBeUndefined();
  expect(gameCpuCores).toBe(0.12);
});

it('writes nothing at all', async () => {
  const { place, explain, at, state, expiry, record } = service();
  await place([candidate('a', [0, 1, GIB])], requests(3));
  at(40);
  const before = [await server.redis.hgetall(state), await server.redis.zrange(expiry, '0', '-1', 'WITHSCORES')];

  await explain([candidate('a', [38, 1.2, GIB]), candidate('new')], request({ gameId: 'g1' }));

  expect([await server.redis.hgetall(state), await server.redis.zrange(expiry, '0', '-1', 'WITHSCORES')]).toEqual(
    before,
  );
  expect(await server.redis.exists(record('g1'))).toBe(0);
});

it('tells where a recorded game is, with the figures that it would be placed by today', async () => {
  const { place, explain } = service();
  const fleet = [candidate('a', [0, 1, GIB]), candidate('b', [0, 2, GIB])];
  await place(fleet, [request({ gameId: 'g1' })]);

  const { result, candidates } = await explain(fleet, request({ gameId: 'g1' }));

  expect(result).toMatchObject({ kind: 'recorded', instanceId: 'a' });
  expect(candidates).toHaveLength(2);
});

it('has an empty list for an empty fleet', async () => {
  expect(await service().explain([], request())).toMatchObject({ result: { kind: 'no_candidate' }, candidates: [] });
});
