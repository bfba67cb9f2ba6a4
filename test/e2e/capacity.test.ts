import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../../dev/stack.ts';
import { type Answer, assignAtOnce, assignOverNats, newGames, PATIENT_TIMEOUT_MS, perInstance, tally } from './load.ts';
import { createStackPlacement, type StackPlacement } from './stack-placement.ts';

const INSTANCES = 10;
const MAX_GAMES = 10;
const PLACES = INSTANCES * MAX_GAMES;
/** As the replaced service's web API writes its records. */
const FOREIGN_TTL_S = 310;
const POLL_MS = 50;
/** Nothing here may end by itself. */
const FUNCTION_ENV = { GAME_CACHE_TTL: '600' };

let stack: Stack;
let nats: NatsConnection;
let redis: Redis;
let placement: StackPlacement;
let addresses: readonly string[];

beforeAll(async () => {
  stack = await startStack({
    instances: INSTANCES,
    maxGames: MAX_GAMES,
    scrapeIntervalS: 1,
    functionEnv: FUNCTION_ENV,
  });
  nats = await connect({ servers: stack.addresses.natsUrl });
  redis = new Redis(stack.addresses.redisUrl);
  placement = createStackPlacement(stack, FUNCTION_ENV);
  addresses = (await stack.fleetReport()).map(({ address }) => address);
});
afterAll(async () => {
  placement?.close();
  redis?.disconnect();
  await nats?.close();
  await stack?.stop();
});

const askAtOnce = (gameIds: readonly string[], subject?: string) =>
  assignAtOnce(gameIds, (gameId) => assignOverNats(nats, gameId, PATIENT_TIMEOUT_MS, subject));

const succeeded = (answers: readonly Answer[]) => answers.filter(({ reply }) => reply?.success);

/** Each instance with the same number of games. */
const eachWith = (games: number) => Object.fromEntries(addresses.map((address) => [address, games]));

/** Writes records as another service does: no note, no place, a longer life. */
async function writeForeign(prefix: string, records: readonly (readonly [string, string | undefined])[]) {
  const pipeline = redis.pipeline();
  for (const [gameId, instanceId] of records) {
    pipeline.set(`${prefix}:${gameId}`, JSON.stringify(instanceId), 'EX', FOREIGN_TTL_S);
  }
  await pipeline.exec();
}

it('gives 1,000 requests at once exactly the 100 places that there are', async () => {
  const [first = ''] = addresses;
  const foreign = newGames(20); // the relay takes 1,024 requests at once
  await writeForeign(
    'games',
    foreign.map((gameId) => [gameId, first]),
  );

  const [replays, answers] = await Promise.all([askAtOnce(foreign), askAtOnce(newGames(1000))]);

  expect(tally(answers)).toEqual({ success: PLACES, no_capacity: 1000 - PLACES });
  expect(perInstance(answers)).toEqual(eachWith(MAX_GAMES));
  // What another service wrote is the assignment, and takes none of our places.
  expect(perInstance(replays)).toEqual({ [first]: foreign.length });
  expect(replays.filter(({ reply }) => !reply?.replayed)).toEqual([]);
  expect(await placement.places()).toEqual(eachWith(MAX_GAMES));

  const refused = answers.find(({ reply }) => reply?.code === 'no_capacity');
  expect(refused?.reply).toEqual({
    success: false,
    code: 'no_capacity',
    retryable: true,
    message: expect.any(String),
  });
  const overHttp = await fetch(stack.addresses.assignUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.addresses.assignToken}`, 'timeout-ms': String(PATIENT_TIMEOUT_MS) },
    body: JSON.stringify({ game_id: crypto.randomUUID() }),
  });
  expect([overHttp.status, await overHttp.json()]).toEqual([429, refused?.reply]);
});

it('gives each place out again that a release has freed, and no other', async () => {
  await redis.flushall();
  const placed = succeeded(await askAtOnce(newGames(PLACES)));
  expect(placed).toHaveLength(PLACES);
  const [first = ''] = addresses;
  const onFirst = placed.filter(({ reply }) => reply?.instance_id === first);
  const others = placed.filter(({ reply }) => reply?.instance_id !== first).slice(0, 13);
  const ended = [...onFirst, ...others];
  // Another service may have written some of the records anew meanwhile: they are ours to end all the same.
  await writeForeign(
    'games',
    ended.filter((_, index) => index % 2 === 0).map(({ gameId, reply }) => [gameId, reply?.instance_id]),
  );
  const foreign = newGames(20);
  await writeForeign(
    'games',
    foreign.map((gameId) => [gameId, first]),
  );

  expect(await placement.release(ended.map(({ gameId }) => gameId))).toBe(ended.length);
  expect(await placement.release(foreign)).toBe(0);
  const answers = await askAtOnce(newGames(200));

  expect(tally(answers)).toEqual({ success: ended.length, no_capacity: 200 - ended.length });
  expect(perInstance(answers)).toEqual(perInstance(ended));
  expect(await placement.places()).toEqual(eachWith(MAX_GAMES));
});

it('gives places out again when their leases run out, although their records live on', async () => {
  // A second allocator beside the first, with keys of its own and sessions of 11 s: a record's life here.
  const subject = 'game.assign.short';
  const short = await stack.addRelay({
    ALLOCATOR_URL: '',
    ALLOCATOR_TOKEN: '',
    ASSIGN_SUBJECT: subject,
    QUEUE_GROUP: 'short',
    CONSUL_URL: stack.addresses.consulUrl,
    PROMETHEUS_URL: stack.addresses.prometheusUrl,
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(stack.redis.port),
    RECORD_PREFIX: 'short',
    STATE_PREFIX: 'short',
    GAME_CACHE_TTL: '1',
    SCRAPE_INTERVAL_S: '1',
  });
  const filled = await askAtOnce(newGames(PLACES + 20), subject);
  expect(tally(filled)).toEqual({ success: PLACES, no_capacity: 20 });
  const placed = succeeded(filled);
  await writeForeign(
    'short',
    placed.map(({ gameId, reply }) => [gameId, reply?.instance_id]),
  );

  const answers: Answer[] = [];
  while (succeeded(answers).length < PLACES) {
    answers.push(...(await askAtOnce(newGames(10), subject)));
    await sleep(POLL_MS);
  }
  const more = await askAtOnce(newGames(20), subject);

  expect(answers[0]?.reply).toMatchObject({ code: 'no_capacity' }); // or nothing had to be waited for
  expect(perInstance(answers)).toEqual(eachWith(MAX_GAMES));
  expect(tally(more)).toEqual({ no_capacity: 20 });
  const again = await askAtOnce(
    placed.map(({ gameId }) => gameId),
    subject,
  );
  expect(again.map(({ reply }) => reply?.instance_id)).toEqual(placed.map(({ reply }) => reply?.instance_id));
  await short.stop();
});
