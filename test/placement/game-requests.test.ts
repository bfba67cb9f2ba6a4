import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { candidate, choice, GIB, onGame, request, requests, T0 } from '../support/placement.ts';
import { type PlacementServer, startPlacementServer } from '../support/placement-service.ts';

let server: PlacementServer;
let redis: PlacementServer['redis'];
const service: PlacementServer['service'] = (...args) => server.service(...args);

beforeAll(async () => {
  server = await startPlacementServer();
  ({ redis } = server);
});
afterAll(() => server.stop());

const fleet = [candidate('a', [0, 1, GIB]), candidate('b', [0, 1.1, GIB])];

/** What may stand under a game's key that is not ours to read. */
const FOREIGN: [string, (key: string) => Promise<unknown>][] = [
  ['a hash', (key) => redis.hset(key, 'x', '1')],
  ['a list', (key) => redis.rpush(key, '1')],
  ['text that is not JSON', (key) => redis.set(key, '10.0.0.3', 'EX', 30)],
  ['a number', (key) => redis.set(key, '12', 'EX', 30)],
  ['an empty string', (key) => redis.set(key, '""', 'EX', 30)],
  ['an id that is no NATS subject', (key) => redis.set(key, '"a..b"', 'EX', 30)],
];

describe('a look up', () => {
  it('tells where the game is and for how long, in whole seconds rounded up', async () => {
    const { place, record } = service();
    await place([candidate('10.0.0.3')], [request({ gameId: 'g1' })]);
    await redis.pexpire(record('g1'), 31_500);

    expect(await place([], [onGame('lookup', 'g1')])).toEqual([
      { kind: 'found', instanceId: '10.0.0.3', expiresInS: 32 },
    ]);
  });

  it('finds what another service wrote, and no end of it where it has none', async () => {
    const { place, record } = service();
    await redis.set(record('g1'), '"10.9.9.9"');

    expect(await place([], [onGame('lookup', 'g1')])).toEqual([{ kind: 'found', instanceId: '10.9.9.9' }]);
  });

  it('finds nothing once the record has expired', async () => {
    const { place, record } = service();
    await place([candidate('a')], [request({ gameId: 'g1' })]);
    await redis.del(record('g1'));

    expect(await place([], [onGame('lookup', 'g1')])).toEqual([{ kind: 'not_found' }]);
  });

  it('writes nothing, whatever it finds', async () => {
    const { place, record, state } = service();
    await place(fleet, [request({ gameId: 'g1' })]);
    const before = await redis.dump(state);

    await place([], [onGame('lookup', 'g1'), onGame('lookup', 'g2'), onGame('lookup', 'g1')]);

    expect(await redis.dump(state)).toEqual(before);
    expect(await redis.exists(record('g2'))).toBe(0);
  });
});

describe('a renewal', () => {
  it('gives record and place their whole time again', async () => {
    const { place, at, record, expiry } = service({ leaseTtlS: 600 });
    await place([candidate('a')], [request({ gameId: 'g1' })]);
    await redis.expire(record('g1'), 5);
    at(100);

    expect(await place([], [onGame('renew', 'g1')])).toEqual([{ kind: 'found', instanceId: 'a', expiresInS: 70 }]);
    expect(await redis.ttl(record('g1'))).toBe(70);
    expect(await redis.zscore(expiry, 'g:g1 a')).toBe(String(T0 + 700));
  });

  it('leaves alone what has longer', async () => {
    const { place, record } = service();
    await place([candidate('a')], [request({ gameId: 'long' }), request({ gameId: 'endless' })]);
    await redis.expire(record('long'), 310);
    await redis.persist(record('endless'));

    expect(await place([], [onGame('renew', 'long'), onGame('renew', 'endless')])).toEqual([
      { kind: 'found', instanceId: 'a', expiresInS: 310 },
      { kind: 'found', instanceId: 'a' },
    ]);
    expect(await redis.ttl(record('long'))).toBeGreaterThan(300);
    expect(await redis.ttl(record('endless'))).toBe(-1);
  });

  it('keeps the record of a game that we never placed, and makes it none of ours', async () => {
    const { place, record, state } = service();
    await redis.set(record('g1'), '"10.9.9.9"', 'EX', 5);

    expect(await place([], [onGame('renew', 'g1')])).toMatchObject([{ kind: 'found', expiresInS: 70 }]);
    expect(await redis.exists(state)).toBe(0);
  });

  it('keeps no place where the game is not any more', async () => {
    const { place, at, record, expiry } = service();
    await place([candidate('a')], [request({ gameId: 'g1' })]);
    await redis.set(record('g1'), '"10.9.9.9"', 'EX', 310);
    at(50);

    expect(await place([], [onGame('renew', 'g1')])).toMatchObject([{ kind: 'found', instanceId: '10.9.9.9' }]);
    expect(await redis.zscore(expiry, 'g:g1 a')).toBe(String(T0 + 70));
  });

  it('finds no game whose record has expired, though it still has its place', async () => {
    const { place, at, record, expiry } = service({ leaseTtlS: 600 });
    await place([candidate('a')], [request({ gameId: 'g1' })]);
    await redis.del(record('g1'));
    at(100);

    expect(await place([], [onGame('renew', 'g1')])).toEqual([{ kind: 'not_found' }]);
    expect(await redis.zscore(expiry, 'g:g1 a')).toBe(String(T0 + 600));
  });

  it('does not take a place again that a released game had', async () => {
    const { place, release, record, expiry } = service();
    await place([candidate('a')], [request({ gameId: 'g1' })]);
    await release('g1');
    await redis.set(record('g1'), '"a"', 'EX', 30);

    expect(await place([], [onGame('renew', 'g1')])).toMatchObject([{ kind: 'found', instanceId: 'a' }]);
    expect(await redis.zscore(expiry, 'g:g1')).toBe(String(T0 + 2));
    expect(await redis.zscore(expiry, 'g:g1 a')).toBeNull();
  });

  it('keeps the state alive where for half a day games are only renewed', async () => {
    const { place, at, state, expiry } = service({ leaseTtlS: 86_400 });
    await place([candidate('a')], [request({ gameId: 'g1' })]);
    expect(await redis.ttl(state)).toBe(2 * 86_400);
    await redis.expire(state, 10_000);
    await redis.expire(expiry, 10_000);

    at(43_000);
    await place([], [onGame('renew', 'g1')]);
    expect(await redis.ttl(state)).toBeLessThanOrEqual(10_000);
    at(43_300);
    await place([], [onGame('renew', 'g1')]);

    expect(await redis.ttl(state)).toBe(2 * 86_400);
    expect(await redis.ttl(expiry)).toBe(2 * 86_400);
  });
});

it.each(FOREIGN)('leaves %s under a game alone, whatever is asked of it', async (_what, write) => {
  const { place, record } = service();
  await write(record('g1'));
  const before = await Promise.all([redis.dump(record('g1')), redis.pttl(record('g1'))]);

  const results = await place(fleet, [
    onGame('lookup', 'g1'),
    onGame('renew', 'g1'),
    onGame('release', 'g1'),
    request({ gameId: 'g1' }),
    request({ gameId: 'g2' }),
  ]);

  const [dump, leftMs] = await Promise.all([redis.dump(record('g1')), redis.pttl(record('g1'))]);
  expect(results.map(({ kind }) => kind)).toEqual([...Array(4).fill('foreign_record'), 'placed']);
  expect(dump).toEqual(before[0]);
  expect(leftMs).toBeLessThanOrEqual(before[1]!);
});

it('gives a game that is released and placed on the same instance in one call a whole record', async () => {
  const { place, record } = service();
  await place([candidate('a')], [request({ gameId: 'g1' })]);
  await redis.expire(record('g1'), 5);

  const results = await place([candidate('a')], [onGame('release', 'g1'), request({ gameId: 'g1' })]);

  expect(results.map(({ kind }) => kind)).toEqual(['released', 'placed']);
  expect(await redis.ttl(record('g1'))).toBe(70);
});

describe('a choice', () => {
  it('counts as pending and as a session, holds no place and records nothing', async () => {
    const { place, instance, state, expiry } = service();

    const results = await place([candidate('a', [0, 1, GIB])], [choice(), choice({ level: 'high' })]);

    expect(results).toMatchObject([
      { kind: 'chosen', instance: { id: 'a' } },
      { kind: 'chosen', instance: { id: 'a' } },
    ]);
    expect(await instance('a')).toMatchObject({ new: [2, 2], sessions: [2, 2], games: 0 });
    expect(await redis.hkeys(state)).toEqual(expect.not.arrayContaining([expect.stringMatching(/^g:/)]));
    expect(await redis.zrange(expiry, '0', '-1')).toEqual(['i:a']);
  });

  it('is made among games in one call, each under its own key', async () => {
    const { place, record } = service();

    const results = await place(fleet, [choice(), request({ gameId: 'g1' }), choice(), request({ gameId: 'g2' })]);

    expect(results.map(({ kind }) => kind)).toEqual(['chosen', 'placed', 'chosen', 'placed']);
    expect(await Promise.all(['g1', 'g2'].map((id) => redis.get(record(id))))).toEqual(
      [1, 3].map((index) => JSON.stringify((results[index] as { instanceId: string }).instanceId)),
    );
  });

  it('needs no prefix for records', async () => {
    const { place } = service({ recordPrefix: undefined });

    expect(await place(fleet, [choice()])).toMatchObject([{ kind: 'chosen' }]);
  });
});

/** Commands inside one call. EVALSHA itself and TIME, which the test's own clock stands in for, come to them. */
async function commandsOf(call: () => Promise<unknown>): Promise<Record<string, number>> {
  await redis.config('RESETSTAT');
  await call();
  const stats = await redis.info('commandstats');
  const calls = [...stats.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)].map(([, name, count]) => [name, Number(count)]);
  const { 'config|resetstat': _reset, info: _info, evalsha: _script, ...commands } = Object.fromEntries(calls);
  return commands;
}

describe('the commands of a call, EVALSHA and TIME among them,', () => {
  const ids = Array.from({ length: 10 }, (_, i) => `g${i}`);

  async function placed() {
    const played = service();
    await played.place(
      fleet,
      ids.map((gameId) => request({ gameId })),
    );
    return played;
  }

  it('are b + 4 to look up b games', async () => {
    const { place } = await placed();

    expect(
      await commandsOf(() =>
        place(
          [],
          ids.map((id) => onGame('lookup', id)),
        ),
      ),
    ).toEqual({
      mget: 1,
      hmget: 1,
      pttl: 10,
    });
  });

  it('are 2 b + 6 to renew b games', async () => {
    const { place, at, record } = await placed();
    at(1);
    await Promise.all(ids.map((id) => redis.expire(record(id), 60)));

    expect(
      await commandsOf(() =>
        place(
          [],
          ids.map((id) => onGame('renew', id)),
        ),
      ),
    ).toEqual({
      mget: 1,
      hmget: 1,
      pttl: 10,
      pexpire: 10,
      hset: 1,
      zadd: 1,
    });
  });

  it('are 9 to release any number of games', async () => {
    const { place } = await placed();

    expect(
      await commandsOf(() =>
        place(
          [],
          ids.map((id) => onGame('release', id)),
        ),
      ),
    ).toEqual({
      mget: 1,
      hmget: 2,
      del: 1,
      hset: 1,
      zadd: 1,
      zrem: 1,
    });
  });

  it('are 5 for any number of choices', async () => {
    const { place } = await placed();

    expect(
      await commandsOf(() =>
        place(
          fleet,
          Array.from({ length: 10 }, () => choice()),
        ),
      ),
    ).toEqual({
      hmget: 1,
      hset: 1,
      zadd: 1,
    });
  });

  it('are no more to place games beside others', async () => {
    const { place } = await placed();

    expect(await commandsOf(() => place(fleet, [...requests(5), onGame('lookup', 'g0')]))).toEqual({
      mget: 1,
      exists: 1,
      hmget: 1,
      set: 5,
      hset: 1,
      zadd: 1,
      pttl: 1,
    });
  });
});
