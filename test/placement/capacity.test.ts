import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Candidate } from '../../lib/app/placement.ts';
import { candidate, GIB, request, requests } from '../support/placement.ts';
import { chosen, type PlacementServer, startPlacementServer } from '../support/placement-service.ts';
import { createRandom } from '../support/random.ts';

let server: PlacementServer;
const service: PlacementServer['service'] = (...args) => server.service(...args);

beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server.stop());

/** An instance for at most so many games, at a load that samples of `second` show. */
function limited(id: string, maxGames: number, second = 0, cpuCores = 1): Candidate {
  const { instance, sample } = candidate(id, [second, cpuCores, GIB]);
  return { instance: { ...instance, maxGames }, sample };
}

describe('an instance with max_games', () => {
  it('never gets more, and the rest is told so', async () => {
    const results = await service().place([limited('a', 3), limited('b', 2)], requests(8));

    expect(chosen(results)).toEqual({ a: 3, b: 2, no_capacity: 3 });
  });

  it('leaves its games to others when it is full, however idle it is', async () => {
    const results = await service().place([limited('idle', 1, 0, 0), limited('busy', 9, 0, 3.5)], requests(4));

    expect(chosen(results)).toEqual({ idle: 1, busy: 3 });
  });

  it('is full for every caller', async () => {
    const { place } = service();
    const calls = Array.from({ length: 20 }, () => place([limited('a', 7), limited('b', 6)], requests(2)));

    expect(chosen((await Promise.all(calls)).flat())).toEqual({ a: 7, b: 6, no_capacity: 27 });
  });

  it('answers its games when it is full', async () => {
    const { place } = service();
    await place([limited('a', 1)], [request({ gameId: 'g1' })]);

    const results = await place([limited('a', 1)], [request({ gameId: 'g1' }), request()]);

    expect(results).toMatchObject([{ kind: 'recorded', instanceId: 'a' }, { kind: 'no_capacity' }]);
  });

  it('has no limit while it is listed without one', async () => {
    const { place } = service();
    await place([candidate('a', [0, 1, GIB])], requests(5));

    expect(chosen(await place([limited('a', 6)], requests(2)))).toEqual({ a: 1, no_capacity: 1 });
  });
});

describe('a place', () => {
  it('is free again when its lease has run out, to the millisecond', async () => {
    const { place, at } = service({ leaseTtlS: 100 });
    await place([limited('a', 2)], requests(1));
    at(10);
    await place([limited('a', 2)], requests(1));

    at(99.999);
    expect(chosen(await place([limited('a', 2)], requests(1)))).toEqual({ no_capacity: 1 });
    at(100);
    expect(chosen(await place([limited('a', 2)], requests(2)))).toEqual({ a: 1, no_capacity: 1 });
    at(110);
    expect(chosen(await place([limited('a', 2)], requests(2)))).toEqual({ a: 1, no_capacity: 1 });
  });

  it('outlives its record where the lease is longer, and is not taken twice when the game is asked for anew', async () => {
    const { place, at, record, instance } = service({ recordTtlS: 70, leaseTtlS: 600 });
    const fleet = [limited('a', 2), limited('b', 2)];
    await place(fleet, [request({ gameId: 'g1' }), request(), request()]);
    await server.redis.del(record('g1')); // as it runs out
    at(100);

    await place(fleet, [request({ gameId: 'g1' })]);

    expect(((await instance('a'))?.games ?? 0) + ((await instance('b'))?.games ?? 0)).toBe(3);
    expect(chosen(await place(fleet, requests(2)))).toMatchObject({ no_capacity: 1 });
  });

  it('is free at once when its game is released', async () => {
    const { place, release } = service();
    await place([limited('a', 1)], [request({ gameId: 'g1' })]);

    expect(await release('g1')).toEqual(['released']);
    expect(chosen(await place([limited('a', 1)], requests(2)))).toEqual({ a: 1, no_capacity: 1 });
  });

  it('is counted right over any order of placing, releasing, running out and sweeping', async () => {
    const { place, release, at, instance } = service({ leaseTtlS: 70 });
    const fleet = (second: number) => [limited('a', 10, second), limited('b', 10, second)];
    const living = new Map<string, number>();
    const random = createRandom('places').uniform;
    for (let second = 0; second < 1500; second += 1 + Math.floor(random() * 10)) {
      at(second);
      for (const [game, until] of living) if (until <= second) living.delete(game);
      for (const game of [...living.keys()].filter(() => random() < 0.05)) {
        expect(await release(game)).toEqual(['released']);
        living.delete(game);
      }
      const asked = Array.from({ length: Math.floor(random() * 4) }, (_, i) => request({ gameId: `${second}-${i}` }));
      if (asked.length === 0) continue;
      const results = await place(fleet(second), asked);
      for (const [i, { kind }] of results.entries()) {
        expect(kind).toBe(living.size < 20 ? 'placed' : 'no_capacity');
        if (kind === 'placed') living.set(asked[i]?.gameId ?? '', second + 70);
      }
    }
    at(5000);
    await place(fleet(5000), requests(1)); // counts what has run out
    await place(fleet(5000), requests(19));

    expect([(await instance('a'))?.games, (await instance('b'))?.games]).toEqual([10, 10]);
  });

  it.each([undefined, 500])(
    'is given back once, with mostGames %o, when 450 leases end in one moment and a call removes 128 of them',
    async (mostGames) => {
      const { place, at, instance, state } = service({ recordTtlS: 1, leaseTtlS: 100, mostGames });
      const fleet = [limited('a', 1000), limited('b', 1000)];
      const notes = async () => (await server.redis.hkeys(state)).filter((field) => field.startsWith('g:')).length;
      for (let call = 0; call < 9; call += 1) await place(fleet, requests(50));

      at(100);
      const left: number[] = [];
      for (let call = 0; call < 5; call += 1) {
        await place(fleet, requests(1));
        left.push(await notes());
      }

      expect(left).toEqual([323, 196, 69, 4, 5]);
      const [a, b] = [await instance('a'), await instance('b')];
      expect((a?.games ?? 0) + (b?.games ?? 0)).toBe(5);
    },
  );

  it('costs no command of its own, and one more when somebody is full', async () => {
    const { place } = service();
    const fleet = [limited('a', 8), limited('b', 8)];
    await place(fleet, requests(1));
    await server.redis.config('RESETSTAT');
    await place(fleet, requests(15));
    const free = await commands();
    await server.redis.config('RESETSTAT');
    await place(fleet, requests(5));

    expect(free).toBe(15 + 6); // one of them found the other full on its way
    expect(await commands()).toBe(5);
  });

  async function commands(): Promise<number> {
    const stats = await server.redis.info('commandstats');
    const calls = [...stats.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)];
    const counted = calls.filter(([, name]) => name !== 'info' && name !== 'config|resetstat' && name !== 'evalsha');
    return counted.reduce((sum, [, , count]) => sum + Number(count), 0);
  }
});
