import { afterAll, beforeAll, expect, it } from 'vitest';
import { candidate, GIB, request, requests } from '../support/placement.ts';
import { type PlacementServer, startPlacementServer } from '../support/placement-service.ts';

let server: PlacementServer;
const service: PlacementServer['service'] = (...args) => server.service(...args);

beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server.stop());

const fleet = (second = 0) => [candidate('a', [second, 1, GIB]), candidate('b', [second, 1.1, GIB])];

it('takes the record and every count back to what they were', async () => {
  const { place, release, record, instance } = service();
  await place(fleet(), requests(5));
  const before = await Promise.all([instance('a'), instance('b')]);
  await place(fleet(), [request({ gameId: 'g1', level: 'high' })]);

  expect(await release('g1')).toEqual(['released']);

  expect(await server.redis.exists(record('g1'))).toBe(0);
  expect(await Promise.all([instance('a'), instance('b')])).toEqual(before);
});

it('takes what is left of a session and of what is not visible yet, and not more', async () => {
  const { place, release, at, instance } = service({ leaseTtlS: 600 });
  await place([candidate('a', [0, 1, GIB])], [request({ gameId: 'g1' }), request()]);
  at(300);
  await place([candidate('a', [300, 1, GIB])], requests(1));

  await release('g1');

  const { sessions, new: placed, games } = (await instance('a')) ?? { sessions: [], new: [], games: 0 };
  expect(sessions[0]).toBeCloseTo(Math.exp(-300 / 900) + 1, 9);
  expect(placed).toEqual([0, 0]); // the one since the sample, and one that the next samples will miss
  expect(games).toBe(2);
});

it('is the same when said twice, and changes nothing for a game that is not known', async () => {
  const { place, release, instance } = service();
  await place(fleet(), [request({ gameId: 'g1' }), request()]);
  await release('g1');
  const before = await Promise.all([instance('a'), instance('b')]);

  expect(await release('g1', 'never-seen')).toEqual(['unknown', 'unknown']);
  expect(await Promise.all([instance('a'), instance('b')])).toEqual(before);
});

it('frees the game when another service has rewritten its record with the same instance', async () => {
  const { place, release, record } = service();
  await place(fleet(), [request({ gameId: 'g1' })]);
  const text = await server.redis.get(record('g1'));
  await server.redis.set(record('g1'), text ?? '', 'EX', 310);

  expect(await release('g1')).toEqual(['released']);
  expect(await server.redis.exists(record('g1'))).toBe(0);
});

it.each([
  ['names another instance by now', '"10.9.9.9"'],
  ['is no JSON', '10.9.9.9'],
  ['names more than one', '"a","b"'],
])('leaves a record alone that %s, and gives back the place', async (_what, text) => {
  const { place, release, record, instance } = service();
  await place([candidate('a', [0, 1, GIB])], [request({ gameId: 'g1' })]);
  await server.redis.set(record('g1'), text, 'EX', 310);

  expect(await release('g1')).toEqual(['released']);
  expect(await server.redis.get(record('g1'))).toBe(text);
  expect((await instance('a'))?.games).toBe(0);
});

it('leaves alone what another service wrote and we never placed', async () => {
  const { release, record } = service();
  await server.redis.set(record('g1'), '"10.9.9.9"', 'EX', 310);

  expect(await release('g1')).toEqual(['unknown']);
  expect(await server.redis.get(record('g1'))).toBe('"10.9.9.9"');
});

it('answers a late retry of the attempt that had placed the game for 2 s, and writes nothing for it', async () => {
  const { place, release, at, record, instance } = service();
  const asked = request({ gameId: 'g1', attempt: 'first' });
  const [first] = await place(fleet(), [asked]);
  await release('g1');
  const before = await Promise.all([instance('a'), instance('b')]);
  at(1.9);

  const again = await place(fleet(), [asked]);

  expect(again).toEqual([{ ...first, kind: 'recorded', sameAttempt: true }]);
  expect(await server.redis.exists(record('g1'))).toBe(0);
  expect(await Promise.all([instance('a'), instance('b')])).toEqual(before);
  at(2);
  expect(await place(fleet(), [asked])).toMatchObject([{ kind: 'placed' }]);
});

it('places the game anew for anybody else at once, also in the same call', async () => {
  const { place, release, state, expiry, at } = service();
  await place(fleet(), [request({ gameId: 'g1' })]);
  await release('g1');

  expect(await place(fleet(), [request({ gameId: 'g1' })])).toMatchObject([{ kind: 'placed' }]);
  at(10); // what kept the released game in mind has run out, and must not take the new one along
  await place(fleet(), [request()]);
  at(20);
  await place(fleet(), [request()]);

  expect(await server.redis.hexists(state, 'g:g1')).toBe(1);
  expect((await server.redis.zrange(expiry, '0', '-1')).filter((member) => member.startsWith('g:g1'))).toHaveLength(1);
});

it('teaches the same cost of a game whether or not ends are reported', async () => {
  const costs = [];
  for (const reported of [true, false]) {
    const { place, release, explain, at } = service({ leaseTtlS: 3600, recordTtlS: 3600 });
    const games = Array.from({ length: 60 }, (_, i) => request({ gameId: `g${i}` }));
    await place(fleet(), games);
    at(300);
    await place(fleet(300), requests(1));
    if (reported) await release(...games.slice(0, 50).map(({ gameId }) => gameId));
    for (const second of [600, 900, 1200]) {
      at(second);
      await place(
        [candidate('a', [second, 3.5, GIB]), candidate('b', [second, 3.5, GIB])],
        [request({ gameId: `later-${second}` })],
      );
    }
    costs.push((await explain([candidate('a', [1200, 3.5, GIB])], request())).gameCpuCores);
  }

  expect(costs[1]).toBeGreaterThan(0.13); // learned, above the configured one
  expect(costs[0]).toBeCloseTo(costs[1] ?? 0, 6);
});
