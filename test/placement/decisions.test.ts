import { afterAll, beforeAll, expect, it } from 'vitest';
import { candidate, choice, GIB, onGame, placementConfig, request, requests } from '../support/placement.ts';
import { type PlacementServer, startPlacementServer } from '../support/placement-service.ts';

// That it is all that a decision depends on is for test/dev/replay.test.ts to show.

let server: PlacementServer;
const service: PlacementServer['service'] = (...args) => server.service(...args);

beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server.stop());

const FLEET = [candidate('a', [0, 1, GIB]), candidate('b', [0, 1.2, GIB]), candidate('c', [0, 3, GIB])];

it('tells of who got it and who came second, with their scores, as it was just before', async () => {
  const { decisions, explain } = service();
  const { candidates } = await explain(FLEET, request());

  const [told] = (await decisions(FLEET, requests(1), { tell: [0] })) ?? [];

  expect(told).toMatchObject({ request: 0, moves: false, winner: 0, runnerUp: 1 });
  const [winner, runnerUp] = JSON.parse(told?.scores ?? '');
  expect(winner).toBeCloseTo(candidates[0]?.score ?? 0, 12);
  expect(runnerUp).toBeCloseTo(candidates[1]?.score ?? 0, 12);
  expect(told?.candidates.map(({ position }) => position)).toEqual([0, 1, 2]);
  // Nothing placed yet: the sixth number is what was placed since the sample.
  expect(told?.candidates.map(({ state }) => JSON.parse(state)[5])).toEqual([0, 0, 0]);
});

it('tells each of a call as the ones before had left it', async () => {
  const { decisions } = service();

  const told = (await decisions(FLEET, requests(3), { tell: [0, 2] })) ?? [];

  expect(told.map(({ request: position }) => position)).toEqual([0, 2]);
  const placedBefore = told.map(({ candidates }) =>
    candidates.map(({ state }) => JSON.parse(state)[5]).reduce((sum, number) => sum + number, 0),
  );
  expect(placedBefore).toEqual([0, 2]);
});

it('tells nothing that it was not asked for, nor where nothing was decided', async () => {
  const { decisions, place } = service();
  const game = request();
  await place(FLEET, [game]);

  expect(await decisions(FLEET, requests(3))).toBeUndefined();
  expect(await decisions([], requests(1), { tell: [0] })).toBeUndefined();
  const others = [game, choice(), onGame('lookup', game.gameId), onGame('release', game.gameId)];
  expect(await decisions(FLEET, others, { tell: [0, 1, 2, 3] })).toBeUndefined();
});

it('says why nobody got it', async () => {
  const { decisions } = service({ mostGames: 1 });
  const full = { ...FLEET[0]!, instance: { ...FLEET[0]!.instance, maxGames: 1 } };

  const told = await decisions([full], [request(), request()], { tell: [0, 1] });
  const noPlace = await service().decisions([full], [request(), request()], { tell: [1] });
  const noneFits = await service().decisions([full], [request({ tiers: [] })], { tell: [0] });

  expect(told).toMatchObject([{ winner: 0 }, { refusal: 'too_many_games' }]);
  expect(noPlace).toMatchObject([{ refusal: 'no_capacity' }]);
  expect(noneFits).toMatchObject([{ refusal: 'no_candidate' }]);
  expect(told?.[0]).not.toHaveProperty('refusal');
  expect(told?.[1]).not.toHaveProperty('winner');
});

it('has a runner-up from the next group where the winner was the last of its own', async () => {
  const { decisions } = service();

  const told = await decisions(FLEET, [request({ tiers: [[2], [1, 0]] })], { tell: [0] });

  expect(told).toMatchObject([{ winner: 2, runnerUp: 0 }]);
});

it.each(['spread', 'pack'] as const)(
  'tells 32 of many, by %s: the first two, and the best of the others',
  async (strategy) => {
    const { decisions, explain } = service({ strategy });
    const fleet = Array.from({ length: 200 }, (_, number) =>
      candidate(`10.0.0.${number}`, [0, 0.1 + ((number * 37) % 200) / 100, GIB]),
    );
    const { candidates } = await explain(fleet, request());
    const best = candidates.toSorted((a, b) => (a.score ?? 0) - (b.score ?? 0)).slice(0, 30);

    const [told] = (await decisions(fleet, requests(1), { tell: [0] })) ?? [];

    const positions = told?.candidates.map(({ position }) => position) ?? [];
    expect(positions).toHaveLength(32);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(positions).toEqual(expect.arrayContaining([told?.winner, told?.runnerUp]));
    const ids = positions.map((position) => fleet[position]?.instance.id);
    expect(best.filter(({ instanceId }) => !ids.includes(instanceId))).toEqual([]);
  },
);

it('decides and writes the same as without being told', async () => {
  const prefix = crypto.randomUUID();
  const outcomes = await Promise.all(
    [undefined, Array.from({ length: 64 }, (_, position) => position)].map(async (tell) => {
      const { place, state, instance } = service({ ...placementConfig(), statePrefix: `${prefix}-${tell?.length}` });
      const call = Array.from({ length: 64 }, (_, number) =>
        request({ gameId: `game-${number}`, attempt: 'a', level: number % 2 ? 'low' : 'high' }),
      );
      const results = await place([...FLEET, candidate('dark')], call, tell && { tell });
      const states = await Promise.all(['a', 'b', 'c', 'dark'].map(instance));
      return { results, states, fleet: await server.redis.hget(state, 'fleet') };
    }),
  );

  expect(outcomes[1]).toEqual(outcomes[0]);
});
