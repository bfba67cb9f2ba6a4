import { Redis } from 'ioredis';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Stack, startStack } from '../../dev/stack.ts';
import { type AnyReply, ask } from './ask-over-nats.ts';
import { assignAtOnce, assignOverNats, newGames, PATIENT_TIMEOUT_MS, tally } from './load.ts';
import { createStackPlacement, type StackPlacement } from './stack-placement.ts';

const INSTANCES = 10;
const MAX_GAMES = 100;
const PLACES = INSTANCES * MAX_GAMES;
/** Nothing here may end by itself. */
const FUNCTION_ENV = { GAME_CACHE_TTL: '600' };
const LIMIT = { timeout: 30_000, interval: 50 };

let stack: Stack;
let nats: NatsConnection;
let redis: Redis;
let placement: StackPlacement;

beforeAll(async () => {
  stack = await startStack({
    instances: INSTANCES,
    maxGames: MAX_GAMES,
    functionEnv: FUNCTION_ENV,
    relayEnv: { RELEASE_SUBJECTS: 'game.over.*' },
  });
  nats = await connect({ servers: stack.addresses.natsUrl });
  redis = new Redis(stack.addresses.redisUrl);
  placement = createStackPlacement(stack, FUNCTION_ENV);
});
afterAll(async () => {
  placement?.close();
  redis?.disconnect();
  await nats?.close();
  await stack?.stop();
});

const taken = async () => Object.values(await placement.places()).reduce((sum, games) => sum + games, 0);

/** Puts a game on every place, all of which are free. */
async function fill(): Promise<readonly string[]> {
  const games = newGames(PLACES);
  const answers = await assignAtOnce(games, (gameId) => assignOverNats(nats, gameId, PATIENT_TIMEOUT_MS));
  expect(tally(answers)).toEqual({ success: PLACES });
  expect(await taken()).toBe(PLACES);
  return games;
}

/** Says that these games are over, and waits until the relay is done with that. */
async function end(games: readonly string[]): Promise<void> {
  const before = await ended();
  for (const gameId of games) nats.publish(`game.over.${gameId}`);
  await expect.poll(ended, LIMIT).toEqual({ num_requests: before.num_requests + games.length, num_errors: 0 });
}

async function ended() {
  const { endpoints } = (await nats.request('$SRV.STATS')).json<{
    endpoints: { subject: string; num_requests: number; num_errors: number }[];
  }>();
  const endpoint = endpoints.find(({ subject }) => subject === 'game.over.*');
  return { num_requests: endpoint?.num_requests ?? 0, num_errors: endpoint?.num_errors ?? 0 };
}

it('frees 1,000 places by 1,000 events, and nothing by one that comes twice or names no game', async () => {
  const games = await fill();
  const half = games.slice(0, PLACES / 2);

  await end([...half, ...half]);
  expect(await taken()).toBe(PLACES / 2);
  await end(games);
  expect(await taken()).toBe(0);

  await fill();
  await end([...half, ...newGames(PLACES / 2)]);
  expect(await taken()).toBe(PLACES);
  const [one = ''] = newGames(1);
  expect((await assignOverNats(nats, one, PATIENT_TIMEOUT_MS)).reply).toMatchObject({ code: 'no_capacity' });
});

describe('a request that waits for capacity', () => {
  let games: readonly string[];
  beforeEach(async () => {
    await redis.flushall();
    games = await fill();
  });

  const waiting = (waitMs: number) => ({ game_id: crypto.randomUUID(), settings: { wait_ms: waitMs } });

  async function timed(asked: Promise<AnyReply>): Promise<{ readonly reply: AnyReply; readonly ms: number }> {
    const startedAt = performance.now();
    const reply = await asked;
    return { reply, ms: performance.now() - startedAt };
  }

  it('gets the place that is freed 200 ms later', async () => {
    const [game = ''] = games;
    const { instance_id } = await ask(nats, 'game.lookup.request', { game_id: game });

    const answer = timed(ask(nats, 'game.assign.request', waiting(7000)));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await ask(nats, 'game.release.request', { game_id: game });
    const { reply, ms } = await answer;

    expect(reply).toMatchObject({ success: true, instance_id });
    expect(reply).not.toHaveProperty('replayed');
    expect(ms).toBeGreaterThan(200);
    expect(ms).toBeLessThan(7000);
    expect(await taken()).toBe(PLACES);
  });

  it.each([
    ['its own', 1000, 5000, 1000],
    ["its reply's", 10_000, 1000, 950],
  ])(
    'is refused at the end of %s time, and not after it, where no place is freed',
    async (_whose, waitMs, timeoutMs, endMs) => {
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => timed(ask(nats, 'game.assign.request', waiting(waitMs), timeoutMs))),
      );

      const codes = new Set(answers.map(({ reply }) => reply.code));
      codes.delete('deadline_exceeded'); // a crowded machine may not have told by then
      expect(codes).toEqual(new Set(['no_capacity']));
      const fastest = Math.min(...answers.map(({ ms }) => ms));
      expect(fastest).toBeGreaterThan(endMs - 5);
      expect(fastest).toBeLessThan(endMs + 50);
    },
  );

  it('holds nobody up', async () => {
    const [game = ''] = games;
    const answers = Array.from({ length: 100 }, () => ask(nats, 'game.assign.request', waiting(3000), 4000));
    let refused = 0;
    for (const answer of answers) void answer.then(() => (refused += 1));

    let others = 0;
    while (refused === 0 && others < 20) {
      expect(await ask(nats, 'game.lookup.request', { game_id: game })).toMatchObject({ success: true });
      others += 1;
    }

    expect(others).toBe(20);
    expect((await Promise.all(answers)).filter(({ success }) => success)).toEqual([]);
  });
});
