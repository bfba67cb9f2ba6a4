import { Redis } from 'ioredis';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Stack, startStack } from '../../dev/stack.ts';
import { createRedisClient } from '../../lib/adapters/redis/redis-client.ts';
import type { Candidate, PlacementRequest } from '../../lib/app/placement.ts';
import { createLuaPlacement } from '../../lib/placement/lua-placement.ts';
import { candidate, GIB, placementConfig, request, requests, T0 } from '../support/placement.ts';
import { assignAtOnce, assignOverNats, newGames, PATIENT_TIMEOUT_MS, perInstance, tally } from './load.ts';

const INSTANCES = 10;
const SCRAPE_S = 5;
/** Of 4 cores: one instance that somebody else keeps busy, and the others. */
const HOT_CORES = 3.6;
const COOL_CORES = 0.4;
/** The rate over 20 s of what has just begun takes as long to show it; a crowded machine loses scrapes. */
const MEASURED = { timeout: 50_000, interval: 200 };

let stack: Stack;
let nats: NatsConnection;

beforeAll(async () => {
  stack = await startStack({ instances: INSTANCES, scrapeIntervalS: SCRAPE_S });
  nats = await connect({ servers: stack.addresses.natsUrl });
});
afterAll(async () => {
  await nats?.close();
  await stack?.stop();
});

const askAtOnce = (count: number) =>
  assignAtOnce(newGames(count), (gameId) => assignOverNats(nats, gameId, PATIENT_TIMEOUT_MS));

it('spreads 200 games that come at once over ten idle instances, none with more than 1.3 times its share', async () => {
  const answers = await askAtOnce(200);

  expect(tally(answers)).toEqual({ success: 200 });
  expect(Math.max(...Object.values(perInstance(answers)))).toBeLessThanOrEqual(1.3 * (200 / INSTANCES));
});

it('gives an instance that somebody else keeps at 90 % none of the next 40 games', { timeout: 120_000 }, async () => {
  const redis = new Redis(stack.addresses.redisUrl);
  await redis.flushall(); // the games of before are no part of this
  redis.disconnect();
  const [hot = '', ...cool] = (await stack.fleetReport()).map(({ address }) => address);
  for (const address of cool) await stack.changeInstance(address, { load: load(COOL_CORES) });
  await stack.changeInstance(hot, { load: load(HOT_CORES) });
  await vi.waitFor(async () => {
    const measured = await stack.measuredLoad();
    for (const address of cool) expect(measured.get(address)?.cpuCores).toBeCloseTo(COOL_CORES, 1);
    expect(measured.get(hot)?.cpuCores).toBeCloseTo(HOT_CORES, 1);
  }, MEASURED);
  // The views are older than 10 s by now, so each environment asks anew, and says so where that fails.
  await vi.waitFor(async () => {
    for (const { reply } of await askAtOnce(5)) expect(reply).not.toHaveProperty('degraded');
  }, MEASURED);

  const answers = await askAtOnce(40);

  expect(tally(answers)).toEqual({ success: 40 });
  const counts = perInstance(answers);
  expect(counts[hot]).toBeUndefined();
  // None of the others is the one that gets all of them instead.
  expect(Math.max(...Object.values(counts))).toBeLessThanOrEqual(8);
});

const load = (cpuCores: number) => ({ cpuCores, memoryBytes: GIB });

const HOUR_S = 3600;

/** What is asked for at a second of the hour. */
type Asked = (atS: number) => readonly PlacementRequest[];

const HOURS: readonly (readonly [string, Asked])[] = [
  ['nobody asked', () => []],
  ['an old game alone was asked for, every 15 s', (atS) => (atS % 15 === 0 ? [request({ gameId: 'old' })] : [])],
  ['one game came every ten minutes', (atS) => (atS % 600 === 0 ? requests(1) : [])],
];

it.each(HOURS)('after an hour in which %s, the busy instance gets none of the next 40 games', async (_what, asked) => {
  const config = placementConfig({ scrapeIntervalS: SCRAPE_S, cpuWindowS: 20 });
  const client = createRedisClient({ host: '127.0.0.1', port: stack.redis.port, db: 0, password: () => undefined });
  let nowS = T0;
  const lua = createLuaPlacement(client, config, () => nowS * 1000, { nowS: () => nowS });
  const place = async (atS: number, wanted: readonly PlacementRequest[]) => {
    nowS = T0 + atS;
    const candidates = fleetAt(atS - 2);
    const call = { candidates, newestSampleS: T0 + atS - 2, requests: wanted };
    return (await lua.place(call, AbortSignal.timeout(10_000))).results;
  };
  await place(0, [request({ gameId: 'old' })]);
  for (let atS = SCRAPE_S; atS < HOUR_S; atS += SCRAPE_S) {
    const wanted = asked(atS);
    if (wanted.length > 0) await place(atS, wanted);
  }

  const results = await place(HOUR_S, requests(40));
  client.close();

  const chosen = results.map((result) => 'instanceId' in result && result.instanceId);
  expect(chosen).toEqual(chosen.map(() => expect.stringMatching(/^cool-/)));
});

/** One instance at 90 % of its CPU and nine at 10 %, as sampled at this time. */
function fleetAt(atS: number): readonly Candidate[] {
  return [
    candidate('hot', [atS, HOT_CORES, GIB]),
    ...Array.from({ length: INSTANCES - 1 }, (_, i) => candidate(`cool-${i}`, [atS, COOL_CORES, GIB])),
  ];
}
