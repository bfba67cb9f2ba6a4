import { afterAll, beforeAll, expect, it } from 'vitest';
import { OPS, type Op } from '../../lib/api/op.ts';
import { createAllocate } from '../../lib/api/operations.ts';
import type { Placement } from '../../lib/app/placement.ts';
import { createServeRequests } from '../../lib/app/serve-requests.ts';
import type { FleetView } from '../../lib/domain/fleet.ts';
import { reachOwn } from '../../lib/relay/reach-function.ts';
import { createRelay } from '../../lib/relay/relay.ts';
import { fakeLog, fleetList, instance, noInsight, openView } from '../support/fakes.ts';
import { GIB, T0 } from '../support/placement.ts';
import { type PlacementServer, startPlacementServer } from '../support/placement-service.ts';
import { createRandom } from '../support/random.ts';
import { fakeMessage, type SentReply } from './fake-message.ts';

const GAMES = 10_000;
const CALLERS = 64;
const SCRAPE_S = 15;
const IDS = Array.from({ length: 10 }, (_, index) => `10.0.0.${index + 1}`);
/** Just as many places as games. */
const FLEET = fleetList(...IDS.map((id) => instance(id, { maxGames: GAMES / IDS.length, cpuCores: 64 })));

let server: PlacementServer;
beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server?.stop());

/** A relay before the real script in a real Redis, whose time passes by the work that is done, and a measured fleet. */
function setUp() {
  const service = server.service({ recordTtlS: 600, leaseTtlS: 600, scrapeIntervalS: SCRAPE_S });
  const running = new Map(IDS.map((id) => [id, 0]));
  let nowS = 0;
  let view: FleetView = { list: FLEET, load: { samples: new Map() }, degraded: [] };

  function scrape(): void {
    const samples = IDS.map((id) => {
      const games = running.get(id) ?? 0;
      return [id, { atS: T0 + nowS, cpuCores: 0.1 + 0.02 * games, memoryBytes: GIB + 2e6 * games }] as const;
    });
    view = { ...view, load: { samples: new Map(samples) } };
  }
  function pass(seconds: number): void {
    const scrapes = Math.floor((nowS + seconds) / SCRAPE_S) > Math.floor(nowS / SCRAPE_S);
    nowS += seconds;
    service.at(nowS);
    if (scrapes) scrape();
  }

  const placement: Placement = {
    place: async ({ candidates, requests, ...more }) => ({
      results: await service.place(candidates, requests, more),
      marked: [],
    }),
    explain: () => Promise.reject(new Error('not needed')),
  };
  const clock = () => (T0 + nowS) * 1000;
  const serve = createServeRequests({
    views: { open: async () => openView(view), noteAbsent: () => {} },
    placement,
    clock,
    random: Math.random,
    log: fakeLog(),
    reassigns: false,
    insight: noInsight,
  });
  const allocate = createAllocate({
    services: [{ name: 'game-service', hasGames: true, serve }],
    clock,
    strategies: [],
  });
  const realClock = () => performance.now();
  const way = reachOwn(allocate, realClock);
  const relay = createRelay({ allocate: way.allocate, clock: realClock, log: fakeLog(), maxInFlight: 1024 });
  const endpoints = new Map(
    OPS.map((op) => [op, relay.serve({ name: op, subject: `game.${op}.request`, op, kind: 'request' })]),
  );

  function ask(op: Op, gameId: string): Promise<SentReply['body']> {
    const { message } = fakeMessage({ game_id: gameId }, { 'Timeout-Ms': '10000' });
    return new Promise((resolve) => {
      const reply = (payload: Uint8Array) => resolve(JSON.parse(Buffer.from(payload).toString()));
      endpoints.get(op)?.handle({ ...message, reply });
    });
  }

  return { service, running, scrape, pass, ask };
}

it('has nothing left of 10,000 games that have ended, and 90 s later nothing in any count', async () => {
  const { service, running, scrape, pass, ask } = setUp();
  const random = createRandom('the life of 10,000 games');
  const shuffled = <T>(items: readonly T[]) =>
    items
      .map((item) => ({ item, at: random.uniform() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  const games = Array.from({ length: GAMES }, (_, index) => `g-${index}`);
  const placedOn = new Map<string, string>();
  const wrong: unknown[] = [];

  async function each(op: Op, gameIds: readonly string[], onReply: (gameId: string, id: string) => void = () => {}) {
    const waiting = [...gameIds];
    async function caller() {
      for (let gameId = waiting.pop(); gameId !== undefined; gameId = waiting.pop()) {
        const reply = (await ask(op, gameId)) as { success: boolean; instance_id?: string };
        if (!reply.success) wrong.push(reply);
        onReply(gameId, reply.instance_id ?? '');
        pass(0.002);
      }
    }
    await Promise.all(Array.from({ length: CALLERS }, caller));
  }
  const add = (id: string, change: number) => running.set(id, (running.get(id) ?? 0) + change);

  scrape();
  await each('assign', games, (gameId, id) => {
    placedOn.set(gameId, id);
    add(id, 1);
  });
  expect(wrong).toEqual([]);
  expect([...running.values()]).toEqual(Array(10).fill(1000));
  await each('renew', shuffled(games).slice(0, 3000));
  await each('lookup', shuffled(games).slice(0, 3000), (gameId, id) => expect(id).toBe(placedOn.get(gameId)));
  await each('release', shuffled(games), (gameId) => add(placedOn.get(gameId) ?? '', -1));
  expect(wrong).toEqual([]);
  expect(await server.redis.keys(service.record('*'))).toEqual([]);

  const leases = (await server.redis.zrange(service.expiry, '0', '-1')).filter((member) => member.startsWith('g:'));
  expect(leases.filter((member) => member.includes(' '))).toEqual([]); // those that hold a place name it as well

  for (let passedS = 0; passedS < 90; passedS += SCRAPE_S) pass(SCRAPE_S);
  // The samples come to the script with the next game that is placed.
  await each('assign', ['one-more']);
  await each('release', ['one-more']);

  expect(wrong).toEqual([]);
  for (const id of IDS) {
    const state = await service.instance(id);
    const counts = [state?.pending, state?.new, state?.sessions, state?.games].flat();
    expect(counts).toHaveLength(7);
    expect(counts.filter((count) => !(Math.abs(count ?? Number.NaN) <= 0.01))).toEqual([]);
  }
});
