import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Candidate, PlacementCall, PlacementRequest, PlacementResult } from '../../lib/app/placement.ts';
import { candidate, choice, GIB, onGame, request, T0 } from '../support/placement.ts';
import {
  type InstanceState,
  type PlacementServer,
  type PlacementService,
  startPlacementServer,
} from '../support/placement-service.ts';

let server: PlacementServer;
const service: PlacementServer['service'] = (...args) => server.service(...args);

beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server.stop());

/** Anything that a broken exporter, catalogue or clock may say. */
const anyNumber = fc.oneof(
  fc.double({ min: 0, max: 16, noNaN: true }),
  fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, -0, 0, 5e-324, 1e-9, 1e300, Number.MAX_VALUE),
);
const anyTime = fc.oneof(fc.integer({ min: T0 - 2000, max: T0 + 2000 }), anyNumber);

const anyCandidate = fc.record({
  cpuCores: anyNumber,
  memoryBytes: anyNumber.map((value) => value * GIB),
  maxGames: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  sample: fc.option(
    fc.record({ atS: anyTime, cpuCores: anyNumber, memoryBytes: anyNumber.map((value) => value * GIB) }),
    { nil: undefined },
  ),
});
const anyFleet = fc.array(anyCandidate, { maxLength: 12 }).map((fleet) =>
  fleet.map(({ sample, maxGames, ...size }, i): Candidate => {
    const limit = maxGames === undefined ? {} : { maxGames };
    return { instance: { id: `i${i}`, status: 'eligible', tags: [], meta: {}, ...size, ...limit }, sample };
  }),
);

const anyLevel = fc.constantFrom('low' as const, 'high' as const);
const anyGameId = fc.integer({ min: 0, max: 30 }).map((n) => `g${n}`);

const anyAssignment = fc
  .record({
    gameId: anyGameId,
    attempt: fc.integer({ min: 0, max: 5 }).map((n) => `a${n}`),
    level: anyLevel,
    strategy: fc.constantFrom('spread' as const, 'pack' as const),
    expected: fc.record({
      cpuCores: fc.double({ min: 0.001, max: 1000, noNaN: true }),
      memoryBytes: fc.double({ min: 1, max: 1e13, noNaN: true }),
      exact: fc.boolean(),
    }),
    hinted: fc.boolean(),
  })
  .map(({ hinted, expected, ...rest }): PlacementRequest => request({ ...rest, ...(hinted && { expected }) }));
const anyRequests = fc.array(anyAssignment, { minLength: 1, maxLength: 10 });

/** All that can be asked. */
const anyOperation = fc.oneof(
  { weight: 3, arbitrary: anyAssignment },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('lookup' as const, 'renew' as const, 'release' as const), anyGameId)
      .map(([op, gameId]) => onGame(op, gameId)),
  },
  { weight: 1, arbitrary: anyLevel.map((level) => choice({ level })) },
);
const anyOperations = fc.array(anyOperation, { minLength: 1, maxLength: 15 });

/** Steps of a history: time passes, the fleet is another one, and these are asked. */
function anyHistoryOf<T>(requests: fc.Arbitrary<readonly T[]>) {
  return fc.array(fc.record({ pause: fc.integer({ min: 0, max: 900 }), fleet: anyFleet, requests }), {
    minLength: 1,
    maxLength: 6,
  });
}
const anyHistory = anyHistoryOf(anyRequests);
type History = readonly { pause: number; fleet: readonly Candidate[]; requests: PlacementCall['requests'] }[];

async function play(played: PlacementService, history: History, visit: (step: Played) => void): Promise<void> {
  let second = 0;
  for (const { pause, fleet, requests } of history) {
    second += pause;
    played.at(second);
    visit({ second, fleet, requests, results: await played.place(fleet, requests) });
  }
}

interface Played {
  readonly second: number;
  readonly fleet: readonly Candidate[];
  readonly requests: PlacementCall['requests'];
  readonly results: readonly PlacementResult[];
}

it('always answers, whatever samples and sizes say, and only with a candidate', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async (history) => {
      await play(service(), history, ({ fleet, requests, results }) => {
        expect(results).toHaveLength(requests.length);
        const ids = new Set(fleet.map(({ instance }) => instance.id));
        for (const result of results) {
          if (result.kind === 'placed') expect(ids).toContain(result.instanceId);
          else expect(['recorded', 'no_candidate', 'no_capacity']).toContain(result.kind);
          if (result.kind === 'no_candidate') expect(fleet).toEqual([]);
        }
      });
    }),
    { numRuns: 300 },
  );
});

it('never puts more games on an instance than it takes, and refuses only where all are full', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async (history) => {
      // Records run out in real time, leases by the injected clock: only games that are asked for once count here.
      const living: { id: string; until: number }[] = [];
      let games = 0;
      const once = history.map((step) => ({
        ...step,
        requests: step.requests.map((request) => ({ ...request, gameId: `once-${games++}` })),
      }));
      await play(service(), once, ({ second, fleet, results }) => {
        const on = (id: string) => living.filter((game) => game.id === id && game.until > second).length;
        for (const result of results) {
          const free = fleet.filter(({ instance }) => on(instance.id) < (instance.maxGames ?? Infinity));
          if (result.kind === 'no_capacity') expect(free).toEqual([]);
          if (result.kind !== 'placed') continue;
          expect(free.map(({ instance }) => instance.id)).toContain(result.instanceId);
          living.push({ id: result.instanceId, until: second + 70 });
        }
      });
    }),
    { numRuns: 300 },
  );
});

it('decides the same for the same state and requests', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async (history) => {
      const outcomes: (readonly PlacementResult[])[][] = [[], []];
      for (const outcome of outcomes) await play(service(), history, ({ results }) => outcome.push(results));
      expect(outcomes[0]).toEqual(outcomes[1]);
    }),
    { numRuns: 100 },
  );
});

it('carries out a batch as the same requests one after another, and leaves the same behind', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistoryOf(anyOperations), async (history) => {
      const [together, apart] = [service({ leaseTtlS: 600 }), service({ leaseTtlS: 600 })];
      let second = 0;
      for (const { pause, fleet, requests } of history) {
        second += pause;
        together.at(second);
        apart.at(second);
        const single = [];
        for (const request of requests) single.push(...(await apart.place(fleet, [request])));
        expect((await together.place(fleet, requests)).map(timeless)).toEqual(single.map(timeless));
        for (const { instance } of fleet)
          expectSame(await together.instance(instance.id), await apart.instance(instance.id));
        for (const gameId of gamesOf(requests)) {
          const [left, leftApart] = await Promise.all(
            [together, apart].map(({ record }) => server.redis.pttl(record(gameId))),
          );
          expect(left! > 0).toBe(leftApart! > 0);
          expect(Math.abs(left! - leftApart!)).toBeLessThan(RECORDS_APART_MS);
        }
      }
    }),
    { numRuns: 150 },
  );
});

/** Records run out in real time, which the calls of one side take more of. */
const RECORDS_APART_MS = 5000;

function timeless(result: PlacementResult): object {
  return result.kind === 'found' ? { ...result, expiresInS: result.expiresInS !== undefined } : result;
}

function gamesOf(requests: PlacementCall['requests']): ReadonlySet<string> {
  return new Set(requests.flatMap((asked) => (asked.op === 'choose' ? [] : [asked.gameId])));
}

/** Redis keeps 14 digits of what is written between two calls. */
function expectSame(one: InstanceState | undefined, other: InstanceState | undefined): void {
  expect(one === undefined).toBe(other === undefined);
  if (one === undefined || other === undefined) return;
  const [counts, others] = [countsOf(one, one.placedAtS), countsOf(other, one.placedAtS)];
  for (const [k, count] of counts.entries()) expect(others[k]).toBeCloseTo(count, 6);
}

it('changes nothing by looking games up', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistoryOf(anyOperations), anyFleet, async (history, fleet) => {
      const played = service({ leaseTtlS: 600 });
      await play(played, history, () => undefined);
      const before = await contentsOf(played);

      const games = Array.from({ length: 31 }, (_, n) => onGame('lookup', `g${n}`));
      const results = await played.place(fleet, games);

      expect(await contentsOf(played)).toEqual(before);
      for (const [n, { gameId }] of games.entries()) {
        const record = await server.redis.get(played.record(gameId));
        const id = record === null ? undefined : JSON.parse(record);
        expect(results[n]).toMatchObject(id === undefined ? { kind: 'not_found' } : { kind: 'found', instanceId: id });
      }
    }),
    { numRuns: 50 },
  );
});

async function contentsOf({ state, expiry }: PlacementService) {
  return [await server.redis.hgetall(state), await server.redis.zrange(expiry, '0', '-1', 'WITHSCORES')];
}

it('never shortens what a game has by renewing it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 70, max: 300 }),
      async (ttlS, pause, leaseTtlS) => {
        const keys = { statePrefix: `s-${crypto.randomUUID()}`, recordPrefix: `r-${crypto.randomUUID()}` };
        const [first, second] = [service({ ...keys, leaseTtlS: 150 }), service({ ...keys, leaseTtlS })];
        await first.place([candidate('a')], [request({ gameId: 'g' })]);
        await server.redis.expire(first.record('g'), ttlS);
        const before = Number(await server.redis.zscore(first.expiry, 'g:g a'));
        second.at(pause);

        await second.place([], [onGame('renew', 'g')]);

        const left = await server.redis.pttl(first.record('g'));
        expect(left).toBeGreaterThan(Math.max(70, ttlS) * 1000 - RECORDS_APART_MS);
        expect(left).toBeLessThanOrEqual(Math.max(70, ttlS) * 1000);
        expect(Number(await server.redis.zscore(first.expiry, 'g:g a'))).toBe(Math.max(before, T0 + pause + leaseTtlS));
      },
    ),
    { numRuns: 100 },
  );
});

it('lets the order of candidates matter only between equal ones', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, fc.infiniteStream(fc.nat()), async (history, draws) => {
      const [straight, shuffled] = [service(), service()];
      let second = 0;
      for (const { pause, fleet, requests } of history) {
        second += pause;
        straight.at(second);
        shuffled.at(second);
        const order = fleet
          .map((candidate) => ({ candidate, key: draws.next().value ?? 0 }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ candidate }) => candidate);
        for (const request of requests) {
          const { candidates } = await straight.explain(fleet, request);
          const scores = candidates.filter(({ state }) => state !== 'full').map(({ score = 0 }) => score);
          // With two scores as good as equal either may win, and the histories part.
          if (scores.some((a, i) => scores.some((b, j) => i < j && Math.abs(a - b) <= 1e-9 * Math.abs(a)))) return;
          expect(await shuffled.place(order, [request])).toEqual(await straight.place(fleet, [request]));
        }
      }
    }),
    { numRuns: 150 },
  );
});

it('restores every count when what was assigned is released at the same time', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async (history) => {
      const played = service();
      await play(played, history, () => undefined);
      const { fleet = [] } = history.at(-1) ?? {};
      const ids = fleet.map(({ instance }) => instance.id);
      await played.place(fleet, [request({ gameId: 'settles' })]);
      const before = await Promise.all(ids.map(played.instance));
      const games = ['r1', 'r2', 'r3'];
      await played.place(
        fleet,
        games.map((gameId) => request({ gameId, level: 'high' })),
      );

      await played.release(...games);

      for (const [i, id] of ids.entries()) {
        const [was, is] = [before[i], await played.instance(id)];
        if (was === undefined || is === undefined) throw new Error(`${id} has no state`);
        const now = countsOf(is, is.placedAtS);
        for (const [k, count] of countsOf(was, is.placedAtS).entries()) expect(now[k]).toBeCloseTo(count, 9);
      }
    }),
    { numRuns: 100 },
  );
});

/** An instance's counts in one row, its sessions as they would be at `atS`. */
function countsOf(state: InstanceState, atS: number): readonly number[] {
  const decay = Math.exp((state.placedAtS - atS) / 900);
  return [state.games, ...state.pending, ...state.new, ...state.sessions.map((count) => count * decay)];
}

it('explains the winner that the same state and request then really get, over 10,000 random states', async () => {
  let compared = 0;
  for (let seed = 1; compared < 10_000; seed += 1) {
    const [history = []] = fc.sample(anyHistory, { numRuns: 1, seed });
    const played = service();
    let second = 0;
    for (const { pause, fleet, requests } of history) {
      second += pause;
      played.at(second);
      for (const request of requests) {
        const { result } = await played.explain(fleet, request);
        const [real] = await played.place(fleet, [request]);
        expect({ seed, result }).toEqual({ seed, result: real });
        compared += 1;
      }
    }
  }
});
