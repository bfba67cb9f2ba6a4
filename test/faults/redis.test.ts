import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byCallers } from '../e2e/ask-over-nats.ts';
import { type Answer, newGames, PATIENT_TIMEOUT_MS, refusals, tally } from '../e2e/load.ts';
import { type HttpFault, type HttpFaultProxy, PASS } from '../support/http-fault-proxy.ts';
import { createRandom } from '../support/random.ts';
import { FULL } from './form.ts';
import { DOORS, type Door, type PlacementWorld, startPlacementWorld } from './placement-world.ts';
import { addedBetween, readCounts } from './redis-counts.ts';

/** The caller's own timeout where it says nothing, ms. */
const CALLER_TIMEOUT_MS = 500;
/** Ends only what hangs: the whole takes 10 s on an idle machine. */
const LIMITS = { timeout: 180_000 };

let world: PlacementWorld;
let rest: HttpFaultProxy;

beforeAll(async () => {
  world = await startPlacementWorld();
  rest = world.proxies.upstash;
});
afterAll(() => world?.stop());
// Each environment has had an answer of Redis then, and knows its clock.
beforeEach(() => world.begin());

/** Resolves when Redis has done all that the REST front has sent it: the front has one connection, and this goes last. */
async function untilFrontIsThrough(): Promise<void> {
  const { upstashUrl, upstashToken } = world.stack.addresses;
  const answer = await fetch(upstashUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${upstashToken}` },
    body: '["PING"]',
  });
  expect(await answer.json()).toEqual({ result: 'PONG' });
}

/** Scripts that Redis has run. */
async function scriptsRun(): Promise<number> {
  const stats = await world.redis.info('commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

it(
  'F9 30 % of the replies of Redis lost after the write: no game with two instances, each counted once',
  LIMITS,
  async () => {
    const random = createRandom('F9');
    const games = newGames(50);
    const before = await readCounts(world.redis);
    const lostBefore = rest.counts().drop;
    rest.set(() => (random.uniform() < 0.3 ? { kind: 'drop' } : PASS));

    // Over NATS forty requests are one call to Redis; over HTTPS each is one.
    const asked = Array.from({ length: FULL ? 4000 : 1200 }, (_, index) => ({
      gameId: games[index % games.length]!,
      door: DOORS[index % 4 === 0 ? 1 : 0]!,
    }));
    const answers: Answer[] = [];
    await byCallers(40, asked, async ({ gameId, door }) => void answers.push(await world.caller[door](gameId)));
    rest.set(PASS);
    for (const gameId of games) await world.untilPlaced(gameId, 'overHttp');

    expect(rest.counts().drop - lostBefore).toBeGreaterThan(asked.length / 20);
    // On a crowded machine the time may be over before anything was sent, which is told like an outage of Redis.
    expect(refusals(answers).filter((code) => code !== 'upstream_unavailable')).toEqual([]);
    expect(tally(answers)['success']).toBeGreaterThan(0);
    expect(await world.readRecords(games)).not.toContain(undefined);
    expect(world.checker.violations()).toEqual([]);
    const { notes, places, sessions } = addedBetween(before, await readCounts(world.redis));
    expect(notes).toBe(games.length);
    expect(places).toBe(games.length);
    expect(sessions).toBeCloseTo(games.length, 3);
  },
);

describe.each(DOORS)('%s', (door) => {
  const ask = (gameId: string, timeoutMs?: number) => world.caller[door](gameId, timeoutMs ?? CALLER_TIMEOUT_MS);

  it.each<[string, HttpFault]>([
    ['never answers', { kind: 'hang' }],
    ['answers null', { kind: 'answer', status: 200, body: '{"result":null}' }],
    ['answers without a result', { kind: 'answer', status: 200, body: '{}' }],
    ['answers half a text', { kind: 'answer', status: 200, body: '{"resul' }],
    ['answers 502', { kind: 'answer', status: 502, body: '<html>Bad gateway</html>' }],
    ['breaks off', { kind: 'reset' }],
  ])('F10 Redis %s: no success and no record, the outcome is called unknown', async (_how, fault) => {
    const [gameId = ''] = newGames(1);
    rest.set(fault);

    const { reply } = await ask(gameId);

    expect(reply).toEqual({
      success: false,
      code: 'deadline_exceeded',
      retryable: true,
      message: expect.any(String),
    });
    expect(await world.readRecords([gameId])).toEqual([undefined]);
    rest.set(PASS);
    await world.untilPlaced(gameId, door);
    await world.readRecords([gameId]);
    expect(world.checker.violations()).toEqual([]);
  });

  it('F10 Redis answers when the time is up: asking again gives what it had recorded', async () => {
    const [gameId = ''] = newGames(1);
    rest.set({ kind: 'late', ms: 2 * CALLER_TIMEOUT_MS });

    const { reply } = await ask(gameId);
    const [recorded] = await world.readRecords([gameId]);
    rest.set(PASS);
    const again = await world.untilPlaced(gameId, door);

    expect(reply).toMatchObject({ success: false, code: 'deadline_exceeded', retryable: true });
    expect(recorded).toBeDefined();
    expect(again.reply).toMatchObject({ success: true, instance_id: recorded, replayed: true });
    expect(world.checker.violations()).toEqual([]);
  });

  it.each<[string, HttpFault]>([
    ['is too busy (429)', { kind: 'answer', status: 429, body: '{"error":"ERR too many requests"}' }],
    [
      'has used up its quota',
      {
        kind: 'answer',
        status: 400,
        body: '{"error":"ERR max requests limit exceeded. Limit: 500000, Usage: 500000. See https://upstash.com"}',
      },
    ],
    ['is full', { kind: 'answer', status: 400, body: '{"error":"ERR DB capacity quota exceeded"}' }],
    ['does not take the token', { kind: 'answer', status: 401, body: '{"error":"WRONGPASS invalid auth token"}' }],
    ['is not there (503)', { kind: 'answer', status: 503, body: 'no healthy upstream' }],
  ])('F11 Redis %s: refused without a record, and placed when that is over', async (_how, fault) => {
    const [gameId = ''] = newGames(1);
    rest.set(fault);

    const { reply } = await ask(gameId, PATIENT_TIMEOUT_MS);

    expect(reply).toEqual({
      success: false,
      code: 'upstream_unavailable',
      retryable: true,
      message: expect.not.stringMatching(/WRONGPASS|ERR|upstash|http/i),
    });
    expect(await world.readRecords([gameId])).toEqual([undefined]);
    rest.set(PASS);
    await world.untilPlaced(gameId, door);
    await world.readRecords([gameId]);
    expect(world.checker.violations()).toEqual([]);
  });

  it('F11 a Redis whose memory is used up: refused without a record, and placed when that is over', async () => {
    const [gameId = ''] = newGames(1);
    await world.redis.config('SET', 'maxmemory', '1');

    const { reply } = await ask(gameId, PATIENT_TIMEOUT_MS);
    const records = await world.readRecords([gameId]);
    await world.redis.config('SET', 'maxmemory', '0');

    expect(reply).toMatchObject({ success: false, code: 'upstream_unavailable', retryable: true });
    expect(records).toEqual([undefined]);
    await world.untilPlaced(gameId, door);
    await world.readRecords([gameId]);
    expect(world.checker.violations()).toEqual([]);
  });

  it('F12 a write that Redis lost afterwards: seen as that, and the game is placed anew', async () => {
    const [gameId = ''] = newGames(1);
    await world.untilPlaced(gameId, door);
    await world.readRecords([gameId]);

    // As a failover does that comes before the write has been copied.
    await world.redis.del(`games:${gameId}`);
    await world.readRecords([gameId]);
    const seen = world.checker.violations().map(({ kind }) => kind);
    world.checker.newGeneration(gameId);
    const again = await world.untilPlaced(gameId, door);

    expect(seen).toEqual(['success_without_record']);
    expect(await world.readRecords([gameId])).toEqual([again.reply?.instance_id]);
    expect(world.checker.violations().map(({ kind }) => kind)).toEqual(seen);
  });

  it('I3 Redis stopped past the deadline and continued: nothing is written, and asking again places the game', async () => {
    // Over HTTPS one environment takes one after another, and the time of the later ones would be over before.
    const games = newGames(door === 'overNats' ? 8 : 1);
    const ranBefore = await scriptsRun();
    world.stack.redis.signal('SIGSTOP');
    const answers = await Promise.all(games.map((gameId) => ask(gameId)));
    world.stack.redis.signal('SIGCONT');
    await untilFrontIsThrough();

    expect(tally(answers)).toEqual({ deadline_exceeded: games.length });
    expect(await scriptsRun()).toBeGreaterThan(ranBefore);
    expect(await world.readRecords(games)).toEqual(games.map(() => undefined));
    for (const gameId of games) {
      const { reply } = await world.untilPlaced(gameId, door);
      expect(reply).not.toHaveProperty('replayed');
    }
    await world.readRecords(games);
    expect(world.checker.violations()).toEqual([]);
  });
});

it('F11 Redis killed: refused without a record at both doors, and placed when it is back', async () => {
  const games = newGames(2);
  const answers = await world.whileKilled(world.stack.redis, () =>
    Promise.all(games.map((gameId, index) => untilCode(gameId, DOORS[index]!))),
  );

  for (const { reply } of answers) expect(reply).not.toHaveProperty('instance_id');
  expect(await world.readRecords(games)).toEqual([undefined, undefined]);
  for (const [index, gameId] of games.entries()) await world.untilPlaced(gameId, DOORS[index]!);
  await world.readRecords(games);
  expect(world.checker.violations()).toEqual([]);
});

/** Asks until the REST front has noticed as well that its Redis is gone. */
async function untilCode(gameId: string, door: Door): Promise<Answer> {
  for (;;) {
    const answer = await world.caller[door](gameId, PATIENT_TIMEOUT_MS);
    if (answer.reply?.code === 'upstream_unavailable') return answer;
    expect(answer.reply).toMatchObject({ success: false, code: 'deadline_exceeded' });
  }
}

it('I3 a first call that Redis takes up too late: its outcome is called unknown, and asking again gives what was recorded', async () => {
  const [gameId = ''] = newGames(1);
  await world.killEnvironments('assign');
  world.stack.redis.signal('SIGSTOP');
  // Long enough for a cold start, so that the call does reach Redis.
  const { reply } = await world.caller.overHttp(gameId, 3000);
  world.stack.redis.signal('SIGCONT');
  await untilFrontIsThrough();
  const [recorded] = await world.readRecords([gameId]);

  expect(reply).toMatchObject({ success: false, code: 'deadline_exceeded', retryable: true });
  expect(recorded).toBeDefined();
  for (const door of DOORS) {
    const again = await world.untilPlaced(gameId, door);
    expect(again.reply).toMatchObject({ instance_id: recorded, replayed: true });
  }
  expect(world.checker.violations()).toEqual([]);
});
