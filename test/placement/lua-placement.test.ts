import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Candidate } from '../../lib/app/placement.ts';
import type { RedisClient } from '../../lib/app/ports.ts';
import { createLuaPlacement } from '../../lib/placement/lua-placement.ts';
import { candidate, GIB, NO_DEADLINE, placementConfig, request, requests, T0 } from '../support/placement.ts';
import { chosen, type PlacementServer, startPlacementServer } from '../support/placement-service.ts';

let server: PlacementServer;
let redis: PlacementServer['redis'];
const service: PlacementServer['service'] = (...args) => server.service(...args);

beforeAll(async () => {
  server = await startPlacementServer();
  ({ redis } = server);
});
afterAll(() => server.stop());

describe('recording', () => {
  it('writes the JSON-quoted instance id under the game, for the time of the record', async () => {
    const { place, record } = service();

    const results = await place([candidate('10.0.0.3')], [request({ gameId: 'g1' })]);

    expect(results).toEqual([{ kind: 'placed', instanceId: '10.0.0.3', reassigned: false }]);
    expect(await redis.get(record('g1'))).toBe('"10.0.0.3"');
    expect(await redis.ttl(record('g1'))).toBeGreaterThan(60);
    expect(await redis.ttl(record('g1'))).toBeLessThanOrEqual(70);
  });

  it.each([['123456789012'], ['say "hello"'.replace(' ', '_')], ['a/b\\c'], ['игра-№1'], ['null'], ['{tag}'], ['🎮']])(
    'keeps the game_id %s to the letter',
    async (gameId) => {
      const { place, record } = service();

      await place([candidate('10.0.0.3')], [request({ gameId })]);

      expect(await redis.get(record(gameId))).toBe('"10.0.0.3"');
    },
  );

  it('keeps an instance id with slashes and quotes to the letter', async () => {
    const { place, record } = service();
    const id = 'rack/7/"b"\\1';

    await place([candidate(id)], [request({ gameId: 'g1' })]);
    const [again] = await place([], [request({ gameId: 'g1' })]);

    expect(await redis.get(record('g1'))).toBe(JSON.stringify(id));
    expect(again).toMatchObject({ kind: 'recorded', instanceId: id });
  });

  it('answers a recorded game with its instance, writes nothing and needs nobody to choose from', async () => {
    const { place, record, state } = service();
    const [first] = await place([candidate('a'), candidate('b')], [request({ gameId: 'g1' })]);
    await redis.expire(record('g1'), 33);
    const before = await redis.hgetall(state);

    const again = await place([], [request({ gameId: 'g1' })]);

    expect(again).toEqual([{ ...first, kind: 'recorded', sameAttempt: false }]);
    expect(await redis.ttl(record('g1'))).toBeLessThanOrEqual(33);
    expect(await redis.hgetall(state)).toEqual(before);
  });

  it('tells the retry of the same attempt from another request', async () => {
    const { place } = service();
    const asked = request({ attempt: 'try' });
    await place([candidate('a')], [asked]);

    const results = await place([candidate('a')], [asked, { ...asked, attempt: 'other' }]);

    expect(results).toMatchObject([{ sameAttempt: true }, { sameAttempt: false }]);
  });

  it('takes what another service wrote as the assignment', async () => {
    const { place, record } = service();
    await redis.set(record('g1'), '"10.9.9.9"', 'EX', 310);

    const results = await place([candidate('a')], [request({ gameId: 'g1' })]);

    expect(results).toEqual([{ kind: 'recorded', instanceId: '10.9.9.9', sameAttempt: false, reassigned: false }]);
    expect(await redis.ttl(record('g1'))).toBeGreaterThan(300);
  });

  it.each([
    ['a hash', (key: string) => redis.hset(key, 'x', '1')],
    ['a list', (key: string) => redis.rpush(key, '1')],
    ['text that is not JSON', (key: string) => redis.set(key, '10.0.0.3')],
    ['a number', (key: string) => redis.set(key, '12')],
    ['an empty string', (key: string) => redis.set(key, '""')],
    ['an id that is no NATS subject', (key: string) => redis.set(key, '"a..b"')],
  ])('leaves %s under the game alone', async (_what, write) => {
    const { place, record } = service();
    await write(record('g1'));
    const before = await redis.dump(record('g1'));

    const results = await place([candidate('a')], [request({ gameId: 'g1' }), request({ gameId: 'g2' })]);

    expect(results).toMatchObject([{ kind: 'foreign_record' }, { kind: 'placed' }]);
    expect(await redis.dump(record('g1'))).toEqual(before);
  });

  it('writes nothing for a request whose deadline has passed on the clock of Redis', async () => {
    const { place, record, at } = service();
    await place([candidate('a')], [request()]); // tells the clock
    at(10);

    const results = await place(
      [candidate('a')],
      [
        request({ gameId: 'late', deadlineMs: (T0 + 9) * 1000 }),
        request({ gameId: 'timely', deadlineMs: (T0 + 11) * 1000 }),
      ],
    );

    expect(results).toMatchObject([{ kind: 'late' }, { kind: 'placed' }]);
    expect(await redis.exists(record('late'))).toBe(0);
    expect(await redis.exists(record('timely'))).toBe(1);
  });

  it('records nothing when there is nobody to choose from', async () => {
    const { place, record, state } = service();

    expect(await place([], [request({ gameId: 'g1' })])).toEqual([{ kind: 'no_candidate' }]);
    expect(await redis.exists(record('g1'), state)).toBe(0);
  });

  it('gives one game one instance and one place in the counts, however many ask at once', async () => {
    const { place, instance } = service();
    const candidates = [candidate('a'), candidate('b'), candidate('c')];

    const results = await Promise.all(
      Array.from({ length: 50 }, () => place(candidates, requests(2, { gameId: 'g1' }))),
    );

    const kinds = chosen(results.flat());
    expect(Object.keys(kinds)).toHaveLength(1);
    expect(results.flat().filter(({ kind }) => kind === 'placed')).toHaveLength(1);
    const counted = await Promise.all(['a', 'b', 'c'].map(async (id) => (await instance(id))?.sessions[0]));
    expect(counted.toSorted()).toEqual([0, 0, 1]);
  });

  it('rebuilds what it needs when Redis is emptied', async () => {
    const { place } = service();
    await place([candidate('a', [0, 1, GIB])], requests(3));
    await redis.flushall();

    expect(await place([candidate('a', [0, 1, GIB])], requests(1))).toMatchObject([{ kind: 'placed' }]);
  });

  it('costs one round trip of b + 7 commands for b new games', async () => {
    const { place } = service();
    const candidates = Array.from({ length: 64 }, (_, i) => candidate(`i${i}`, [0, 1, GIB]));
    await place(candidates, requests(1));
    await redis.config('RESETSTAT');

    await place(candidates, requests(64));

    const stats = await redis.info('commandstats');
    const calls = Object.fromEntries(
      [...stats.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)].map(([, name, count]) => [name, Number(count)]),
    );
    delete calls['config|resetstat'];
    delete calls['info'];
    // And TIME, which the test's own clock stands in for.
    expect(calls).toEqual({ evalsha: 1, mget: 1, exists: 1, hmget: 1, set: 64, hset: 1, zadd: 1 });
  });

  it('forgets notes on games whose record has expired', async () => {
    const { place, state, at } = service();
    await place([candidate('a', [0, 1, GIB])], requests(5));
    at(200);

    await place([candidate('a', [195, 1, GIB])], requests(1));

    const fields = await redis.hkeys(state);
    expect(fields.filter((field) => field.startsWith('g:'))).toHaveLength(1);
  });
});

describe('choosing', () => {
  it('weighs CPU for low and RAM for high', async () => {
    const candidates = [candidate('busy-cpu', [0, 3, 1 * GIB]), candidate('busy-ram', [0, 0.5, 6 * GIB])];

    expect(chosen(await service().place(candidates, requests(1)))).toEqual({ 'busy-ram': 1 });
    expect(chosen(await service().place(candidates, requests(1, { level: 'high' })))).toEqual({ 'busy-cpu': 1 });
  });

  it('lets the other resource count when it is nearly used up', async () => {
    const candidates = [candidate('cpu-half', [0, 2, 1 * GIB]), candidate('ram-full', [0, 1, 7.9 * GIB])];

    expect(chosen(await service().place(candidates, requests(1)))).toEqual({ 'cpu-half': 1 });
  });

  it('weighs load by what an instance can carry', async () => {
    const big: Candidate = {
      instance: { id: 'big', status: 'eligible', cpuCores: 16, memoryBytes: 32 * GIB, tags: [], meta: {} },
      sample: { atS: T0, cpuCores: 4, memoryBytes: 8 * GIB },
    };

    expect(chosen(await service().place([candidate('small', [0, 2, 4 * GIB]), big], requests(1)))).toEqual({ big: 1 });
  });

  it('spreads a burst evenly over equal, idle instances', async () => {
    const candidates = Array.from({ length: 10 }, (_, i) => candidate(`i${i}`, [0, 0.2, GIB]));

    const counts = chosen(await service().place(candidates, requests(60)));

    expect(Object.values(counts)).toEqual(Array.from({ length: 10 }, () => 6));
  });

  it('spreads a burst that comes in batches while the metrics stand still', async () => {
    const { place } = service();
    const candidates = Array.from({ length: 10 }, (_, i) => candidate(`i${i}`, [0, 0.2, GIB]));

    const results = [];
    for (let i = 0; i < 40; i += 1) results.push(...(await place(candidates, requests(5))));

    expect(Object.values(chosen(results))).toEqual(Array.from({ length: 10 }, () => 20));
  });

  it('decides a batch exactly as it would the same requests one by one', async () => {
    const candidates = [candidate('a', [0, 1, 2 * GIB]), candidate('b', [0, 1.3, GIB]), candidate('dark')];
    const levels = ['low', 'high', 'low', 'low', 'high', 'high', 'low', 'low', 'high', 'low'] as const;
    const together = service();
    const apart = service();

    const batch = await together.place(
      candidates,
      levels.map((level) => request({ level })),
    );
    const single = [];
    for (const level of levels) single.push(...(await apart.place(candidates, [request({ level })])));

    expect(batch).toEqual(single);
  });

  it('sends nothing to an instance at 90 % while others are at 10 %, also after an idle hour', async () => {
    const { place, at } = service({ scrapeIntervalS: 5, cpuWindowS: 20 });
    const fleet = (second: number) => [
      candidate('hot', [second, 3.6, GIB]),
      ...Array.from({ length: 9 }, (_, i) => candidate(`i${i}`, [second, 0.4, GIB])),
    ];
    await place(fleet(0), requests(1));
    at(3600);

    const counts = chosen(await place(fleet(3598), requests(40)));

    expect(counts['hot']).toBeUndefined();
  });

  it('does not let an instance without metrics attract games', async () => {
    const candidates = [...Array.from({ length: 4 }, (_, i) => candidate(`i${i}`, [0, 0.4, GIB])), candidate('dark')];

    const counts = chosen(await service().place(candidates, requests(50)));

    expect(counts['dark'] ?? 0).toBeLessThanOrEqual(50 / 5);
  });

  it('does not take an instance for idle whose metrics ended in 15 idle minutes', async () => {
    const { place, at } = service();
    const fleet = (second: number, dark: boolean) => [
      ...Array.from({ length: 4 }, (_, i) => candidate(`i${i}`, [second, 0.4, GIB])),
      dark ? candidate('dark') : candidate('dark', [second, 0.4, GIB]),
    ];
    await place(fleet(0, false), requests(1));
    at(15 * 60);

    const counts = chosen(await place(fleet(15 * 60 - 5, true), requests(20)));

    expect(counts['dark'] ?? 0).toBeLessThanOrEqual(20 / 5);
  });

  it('counts games as pending until the metrics can show them', async () => {
    const { place, at } = service();
    await place([candidate('a', [0, 0.4, GIB])], requests(8)); // a alone takes all of them
    at(16);
    // Both look the same: 15 s after, the rate over 30 s shows a half of what the games use.
    const fleet = [candidate('a', [15, 0.4, GIB]), candidate('b', [15, 0.4, GIB])];

    expect(chosen(await place(fleet, requests(1)))).toEqual({ b: 1 });
  });

  it('judges the age of a sample by the newest one of the whole fleet, not only of the candidates', async () => {
    const fleet = [candidate('b', [44, 1, GIB]), candidate('old', [0, 0.1, GIB])];
    const [whole, part] = [service(), service()];
    // In a service's very first call everybody counts as dark for a while already.
    for (const { place } of [whole, part]) await place([candidate('b', [0, 1, GIB])], requests(1));

    expect(chosen(await whole.place(fleet, requests(1)))).toEqual({ old: 1 });
    expect(chosen(await part.place(fleet, requests(1), { newestSampleS: T0 + 50 }))).toEqual({ b: 1 });
  });

  it('folds a sample in once, however finely its time is given', async () => {
    const { place, instance } = service();
    const fleet = [candidate('a', [0.123_456_7, 1, GIB])];
    await place(fleet, requests(3));

    await place(fleet, requests(2));

    expect((await instance('a'))?.new).toEqual([5, 5]);
  });

  it('leaves out an instance that a newer answer no longer has samples of', async () => {
    const { place, at } = service();
    await place([candidate('a', [0, 0.1, GIB]), candidate('b', [0, 2, GIB])], requests(1));
    at(20);

    const fleet = [candidate('a'), candidate('b', [18, 2, GIB]), candidate('c', [18, 1.9, GIB])];

    expect(chosen(await place(fleet, requests(1)))).toEqual({ c: 1 });
  });

  it('refuses what is no answer of the script with an error whose outcome is unknown', async () => {
    const broken: RedisClient = {
      runScript: () => Promise.resolve('{"results":[["placed",7,false]],"now":1}'),
      get: () => Promise.resolve(undefined),
      set: () => Promise.resolve(),
    };
    const placement = createLuaPlacement(broken, placementConfig(), Date.now);

    const call = placement.place(
      { candidates: [candidate('a')], newestSampleS: undefined, requests: [request({ deadlineMs: NO_DEADLINE })] },
      AbortSignal.timeout(1000),
    );

    await expect(call).rejects.toMatchObject({ failure: 'invalid_body', outcome: 'unknown' });
  });
});
