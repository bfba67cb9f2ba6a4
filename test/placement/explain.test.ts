import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadScript } from '../../lib/placement/lua-placement.ts';
import { candidate, choice, GIB, onGame, placementConfig, request, requests, T0 } from '../support/placement.ts';
import { type PlacementServer, type PlacementService, startPlacementServer } from '../support/placement-service.ts';

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
  expect(candidates[0]?.cpuNow).toBeCloseTo((2 + 0.12 * 2) / 4, 9);
  expect(candidates[0]?.ramNow).toBeCloseTo((2 * GIB + 113e6 * 2) / (8 * GIB), 9);
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

it('explains a choice without a game among 3,000, and writes nothing', async () => {
  const { place, explain, state } = service();
  const fleet = Array.from({ length: 3000 }, (_, number) =>
    candidate(`10.0.${number >> 8}.${number & 255}`, [0, 2, GIB]),
  );
  const idle = candidate('idle', [0, 1, GIB]);
  await place([fleet[0]!], requests(1));
  const before = await server.redis.hgetall(state);

  const { result, candidates } = await explain([...fleet, idle], choice());

  expect(result).toMatchObject({ kind: 'chosen', instance: { id: 'idle' } });
  expect(candidates).toHaveLength(3001);
  expect(candidates[0]).toMatchObject({ instanceId: '10.0.0.0', cpuPending: 1, games: 1 });
  expect(candidates[2999]).toMatchObject({ state: 'sampled', cpuNow: 0.5, recent: NONE_RECENT });
  expect(await server.redis.hgetall(state)).toEqual(before);
});

const NONE_RECENT = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

describe('tells how many games were placed of late, for each half minute', () => {
  const a = candidate('a');

  async function recent({ explain }: PlacementService) {
    const { candidates, recentAtS } = await explain([a], choice());
    return { recent: candidates[0]?.recent, sinceT0: recentAtS - T0 };
  }

  it('the newest first, as time passes', async () => {
    const games = service();
    // The first half minute that begins after it.
    const first = 30 - (T0 % 30);
    games.at(first);
    expect(await recent(games)).toEqual({ recent: NONE_RECENT, sinceT0: first });

    await games.place([a], requests(3));
    games.at(first + 29.999);
    await games.place([a], requests(1));
    expect(await recent(games)).toEqual({ recent: [4, 0, 0, 0, 0, 0, 0, 0, 0, 0], sinceT0: first });

    games.at(first + 30);
    expect(await recent(games)).toEqual({ recent: [0, 4, 0, 0, 0, 0, 0, 0, 0, 0], sinceT0: first + 30 });
    await games.place([a], requests(12));
    games.at(first + 100);
    await games.place([a], requests(5));
    expect(await recent(games)).toEqual({ recent: [5, 0, 12, 4, 0, 0, 0, 0, 0, 0], sinceT0: first + 90 });

    games.at(first + 300);
    expect((await recent(games)).recent).toEqual([0, 0, 0, 0, 0, 0, 0, 5, 0, 12]);
    await games.place([a], requests(1));
    games.at(first + 330);
    expect((await recent(games)).recent).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 5, 0]);

    games.at(first + 3000);
    expect((await recent(games)).recent).toEqual(NONE_RECENT);
    await games.place([a], requests(2));
    expect((await recent(games)).recent).toEqual([2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('also by a clock that is set back', async () => {
    const games = service();
    games.at(60);
    await games.place([a], requests(2));
    games.at(0);
    await games.place([a], requests(1));

    expect((await recent(games)).recent).toEqual([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('of games that were placed, and of nothing else', async () => {
    const games = service();
    const [game] = requests(1);
    await games.place([a], [game!, game!, choice(), onGame('renew', game!.gameId), onGame('release', game!.gameId)]);
    await games.explain([a], request());

    expect((await recent(games)).recent?.[0]).toBe(1);
  });

  it('in ten of them at most, however long it goes on', async () => {
    const games = service();
    for (let bucket = 0; bucket < 15; bucket += 1) {
      games.at(30 * bucket);
      await games.place([a], requests(1));
    }

    const text = JSON.parse((await server.redis.hget(games.state, 'i:a')) ?? '')[15];
    expect(text).toMatch(/^\d+(:|,)1(,1){9}$/);
    expect((await recent(games)).recent).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('beside a version that knows nothing of it: each reads what the other has written', async () => {
    const overrides = placementConfig();
    const [before, now] = [service(overrides, { script: withoutRecent() }), service(overrides)];

    await before.place([a], requests(1));
    expect((await recent(now)).recent).toEqual(NONE_RECENT);
    await now.place([a], requests(2));
    await before.place([a], requests(4));

    expect((await recent(now)).recent?.[0]).toBe(2);
    expect(await now.instance('a')).toMatchObject({ new: [7, 7], games: 7 });
  });
});

/** place.lua as it was before it counted them: state of a longer layout was read and written back as it was. */
function withoutRecent() {
  const counting = /for i, number in pairs\(placed_on\) do count_recent.* end/;
  const source = loadScript().source.replace(counting, '');
  expect(source).not.toBe(loadScript().source);
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

it('counts no game whose time is over, also where nothing has happened since', async () => {
  const { place, explain, at } = service();
  await place([candidate('a', [0, 1, GIB])], requests(3));
  at(60);
  await place([candidate('a', [58, 1, GIB])], requests(1));
  at(100);

  const { candidates } = await explain([candidate('a', [98, 1, GIB])], request());

  expect(candidates.map(({ games }) => games)).toEqual([1]);
});
