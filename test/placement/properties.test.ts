import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Candidate, PlacementRequest, PlacementResult } from '../../lib/app/placement.ts';
import { GIB, NO_DEADLINE, T0 } from '../support/placement.ts';
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

const anyRequest = fc.record({
  gameId: fc.integer({ min: 0, max: 30 }).map((n) => `g${n}`),
  level: fc.constantFrom('low' as const, 'high' as const),
  strategy: fc.constantFrom('spread' as const, 'pack' as const),
  expected: fc.record({
    cpuCores: fc.double({ min: 0.001, max: 1000, noNaN: true }),
    memoryBytes: fc.double({ min: 1, max: 1e13, noNaN: true }),
    exact: fc.boolean(),
  }),
  hinted: fc.boolean(),
});
const anyRequests = fc.array(anyRequest, { minLength: 1, maxLength: 10 }).map((all) =>
  all.map(({ hinted, expected, ...request }, i): PlacementRequest => {
    const hint = hinted ? { expected } : {};
    return { attempt: `a${i}`, deadlineMs: NO_DEADLINE, ...request, ...hint };
  }),
);

/** Steps of a history: time passes, the fleet is another one, and these are asked. */
const anyHistory = fc.array(
  fc.record({ pause: fc.integer({ min: 0, max: 900 }), fleet: anyFleet, requests: anyRequests }),
  { minLength: 1, maxLength: 6 },
);
type History = readonly { pause: number; fleet: readonly Candidate[]; requests: readonly PlacementRequest[] }[];

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
  readonly requests: readonly PlacementRequest[];
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

it('decides a batch as the same requests one after another', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async (history) => {
      const [together, apart] = [service(), service()];
      let second = 0;
      for (const { pause, fleet, requests } of history) {
        second += pause;
        together.at(second);
        apart.at(second);
        const single = [];
        for (const request of requests) single.push(...(await apart.place(fleet, [request])));
        expect(await together.place(fleet, requests)).toEqual(single);
      }
    }),
    { numRuns: 150 },
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
      await played.place(fleet, [{ gameId: 'settles', level: 'low', attempt: 'x', deadlineMs: NO_DEADLINE }]);
      const before = await Promise.all(ids.map(played.instance));
      const games = ['r1', 'r2', 'r3'];
      await played.place(
        fleet,
        games.map((gameId) => ({ gameId, level: 'high' as const, attempt: gameId, deadlineMs: NO_DEADLINE })),
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
