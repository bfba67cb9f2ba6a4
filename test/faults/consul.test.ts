import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, newGames, PATIENT_TIMEOUT_MS, refusals } from '../e2e/load.ts';
import { type HttpFault, type HttpFaultProxy, PASS, type PassedAnswer } from '../support/http-fault-proxy.ts';
import { createRandom } from '../support/random.ts';
import { DOORS, type PlacementWorld, startPlacementWorld } from './placement-world.ts';

const GRACE_MS = 2000;
/** Some time before the grace is over, in which a request that is under way still has its answer. */
const NEARLY_GRACE_MS = GRACE_MS - 500;
const FRESH_MS = 250;
const STATE = 'game-allocator:v1:game-service';
const SAVED_LIST = `${STATE}:list`;

let world: PlacementWorld;
let consul: HttpFaultProxy;

beforeAll(async () => {
  world = await startPlacementWorld({
    // Views that are looked at more often than by default, so that a grace holds several of them.
    functionEnv: { FLEET_FRESH_MS: String(FRESH_MS), REASSIGN_GRACE_MS: String(GRACE_MS) },
  });
  consul = world.proxies.consul;
});
afterAll(() => world?.stop());
beforeEach(async () => {
  await world.begin();
  await untilAllAreBack();
});

const isSound = ({ reply }: Answer) => reply?.success === true && reply.degraded === undefined;
const isDegraded = ({ reply }: Answer) => reply?.success === true && reply.degraded?.includes('consul') === true;
const isRefused = ({ reply }: Answer) => reply?.code === 'upstream_unavailable';

/** Until both doors have a view of after the last test, and nobody is marked as gone any more. */
async function untilAllAreBack(): Promise<void> {
  const startedAt = performance.now();
  const marks = async () => Object.keys(JSON.parse((await world.redis.hget(STATE, 'gone')) ?? '{}'));
  while (performance.now() - startedAt < 2 * FRESH_MS || (await marks()).length > 0) {
    for (const door of DOORS) await world.untilAnswer(() => true, door);
  }
}

async function registered(): Promise<readonly string[]> {
  return (await world.stack.fleetReport()).map(({ address }) => address);
}

async function killEnvironments(): Promise<void> {
  await world.killEnvironments('batch');
  await world.killEnvironments('assign');
}

describe.each(DOORS)('%s', (door) => {
  it('F13 Consul down, a warm environment: games are placed by the last good list, and that is said', async () => {
    const [before = ''] = newGames(1);
    await world.untilPlaced(before, door);
    const [placed, again] = await world.whileKilled(world.stack.consul, async () => [
      await world.untilAnswer(isDegraded, door),
      await world.untilPlaced(before, door),
    ]);

    expect(await registered()).toContain(placed.reply?.instance_id);
    expect(again.reply).toMatchObject({ replayed: true });
    await world.readRecords([before, placed.gameId]);
    expect(world.checker.violations()).toEqual([]);
  });

  it('F13 Consul down, a cold environment: by the list that Redis has, and without one refused but for recorded games', async () => {
    const [before = ''] = newGames(1);
    await world.untilPlaced(before, door);
    const { placed, refused, again } = await world.whileKilled(world.stack.consul, async () => {
      await killEnvironments();
      const placed = await world.untilAnswer(isDegraded, door);
      await killEnvironments();
      await world.redis.del(SAVED_LIST);
      return {
        placed,
        refused: await world.untilAnswer(isRefused, door),
        again: await world.untilPlaced(before, door),
      };
    });

    expect(await registered()).toContain(placed.reply?.instance_id);
    expect(refused.reply).toEqual({
      success: false,
      code: 'upstream_unavailable',
      retryable: true,
      message: expect.any(String),
    });
    expect(again.reply).toMatchObject({ replayed: true });
    expect(await world.readRecords([before, placed.gameId, refused.gameId])).toEqual([
      again.reply?.instance_id,
      placed.reply?.instance_id,
      undefined,
    ]);
    expect(world.checker.violations()).toEqual([]);
  });
});

/** 200 and an empty list, for one reason or another. */
const EMPTY: readonly (readonly [string, Record<string, string>, string])[] = [
  ['because the token may not see it', { 'x-consul-results-filtered-by-acls': 'true' }, 'refused'],
  ['from a server without a leader', { 'x-consul-knownleader': 'false' }, 'error_reply'],
];

function emptied(headers: Record<string, string>): HttpFault {
  return { kind: 'edit', edit: (answer) => ({ ...answer, headers: { ...answer.headers, ...headers }, body: '[]' }) };
}

/** How the functions' log names the failures of Consul, from `from` on. */
async function failuresLogged(from: number): Promise<readonly unknown[]> {
  const lines = (await readFile(world.stack.functions.logFile, 'utf8')).slice(from).split('\n');
  return lines
    .filter((line) => line.includes('"source_failed"') && line.includes('"consul"'))
    .map((line) => (JSON.parse(line) as { failure?: unknown }).failure);
}

describe.each(EMPTY)('F14 an empty list %s', (_why, headers, failure) => {
  it('F14 is an error and no empty fleet: the last good list is used, and the log says what it is', async () => {
    const games = newGames(5);
    for (const gameId of games) await world.untilPlaced(gameId);
    const from = (await readFile(world.stack.functions.logFile, 'utf8')).length;
    // It is logged when it begins; where the machine was too busy, that was a timeout.
    while (!(await failuresLogged(from)).includes(failure)) {
      consul.set(PASS);
      for (const door of DOORS) await world.untilAnswer(isSound, door);
      consul.set(emptied(headers));
      for (const door of DOORS) await world.untilAnswer(isDegraded, door);
    }

    // For longer than the grace: nobody is gone, so nobody is moved.
    const answers: Answer[] = [];
    for (const endAt = performance.now() + 1.25 * GRACE_MS; performance.now() < endAt; ) {
      for (const gameId of games) answers.push(await world.caller.overNats(gameId, PATIENT_TIMEOUT_MS));
      answers.push(await world.untilAnswer(() => true, 'overHttp'));
    }

    expect(refusals(answers)).toEqual([]);
    expect(answers.filter(({ reply }) => reply?.reassigned)).toEqual([]);
    await world.readRecords(games);
    expect(world.checker.violations()).toEqual([]);
  });

  it('F14 is refused as an upstream that is not there by who has no last good list', async () => {
    consul.set(emptied(headers));
    await killEnvironments();
    await world.redis.del(SAVED_LIST);

    for (const door of DOORS) {
      const { reply, gameId } = await world.untilAnswer(
        ({ reply: given }) => given?.code !== 'deadline_exceeded',
        door,
      );
      expect(reply).toMatchObject({ success: false, code: 'upstream_unavailable', retryable: true });
      expect(await world.readRecords([gameId])).toEqual([undefined]);
    }
    expect(world.checker.violations()).toEqual([]);
  });
});

it('F14 half of the list gone with each poll, another half each time: nothing is moved', async () => {
  const games = newGames(15);
  for (const gameId of games) await world.untilPlaced(gameId);
  const random = createRandom('F14');
  const halve = (answer: PassedAnswer): PassedAnswer => ({
    ...answer,
    // Consul moves its index with every change.
    headers: { ...answer.headers, 'x-consul-index': String(1 + random.whole(1e9)) },
    body: JSON.stringify((JSON.parse(answer.body) as unknown[]).filter(() => random.uniform() < 0.5)),
  });
  consul.set({ kind: 'edit', edit: halve });
  const pollsBefore = consul.counts().edit;

  const answers: Answer[] = [];
  for (const endAt = performance.now() + 2 * GRACE_MS; performance.now() < endAt; ) {
    for (const [index, gameId] of games.entries()) {
      answers.push(await world.caller[DOORS[index % 2]!](gameId, PATIENT_TIMEOUT_MS));
    }
    answers.push(await world.untilAnswer(() => true));
  }

  expect(consul.counts().edit - pollsBefore).toBeGreaterThan(8);
  expect(answers.filter(({ reply }) => reply?.reassigned)).toEqual([]);
  // Whoever is not listed at the moment gets no new game; when nobody is, there is none to be had.
  expect(refusals(answers).filter((code) => code !== 'no_instance')).toEqual([]);
  await world.readRecords(games);
  expect(world.checker.violations()).toEqual([]);
});

it('F15 an instance that is gone keeps its games until the grace is over, and each is moved once', async () => {
  const games = newGames(40);
  for (const gameId of games) await world.untilPlaced(gameId);
  const homes = await world.readRecords(games);
  const gone = mostFrequent(homes);
  const [firstOverNats = '', firstOverHttp = '', ...others] = games.filter((_, index) => homes[index] === gone);
  expect(others.length).toBeGreaterThan(2);

  const goneAt = performance.now();
  await world.stack.changeInstance(gone, { present: false });
  const early: Answer[] = [];
  while (performance.now() - goneAt < NEARLY_GRACE_MS) {
    for (const [index, gameId] of others.entries()) {
      early.push(await world.caller[DOORS[index % 2]!](gameId, PATIENT_TIMEOUT_MS));
    }
  }
  const firstMoved = await Promise.all([untilMoved(firstOverNats, 'overNats'), untilMoved(firstOverHttp, 'overHttp')]);
  // Both doors have a view now in which the grace is over.
  for (const gameId of others) world.checker.newGeneration(gameId);
  const late = await Promise.all(
    others.flatMap((gameId) =>
      Array.from({ length: 20 }, (_, index) => world.caller[DOORS[index % 2]!](gameId, PATIENT_TIMEOUT_MS)),
    ),
  );
  const newHomes = await world.readRecords(others);
  await world.stack.changeInstance(gone, { present: true });

  expect(refusals([...early, ...late])).toEqual([]);
  expect(early.filter(({ reply }) => reply?.reassigned)).toEqual([]);
  for (const { answer, seenAt } of firstMoved) {
    expect(answer.reply).toMatchObject({ reassigned: true });
    expect(seenAt - goneAt).toBeGreaterThanOrEqual(GRACE_MS);
  }
  expect(late.filter(({ reply }) => reply?.success && !reply.reassigned)).toEqual([]);
  expect(newHomes).not.toContain(gone);
  expect(newHomes).not.toContain(undefined);
  expect(world.checker.violations()).toEqual([]);

  async function untilMoved(gameId: string, door: (typeof DOORS)[number]) {
    for (;;) {
      world.checker.newGeneration(gameId); // it may be this time
      const answer = await world.caller[door](gameId, PATIENT_TIMEOUT_MS);
      if (answer.reply?.success && answer.reply.instance_id !== gone) return { answer, seenAt: performance.now() };
    }
  }
});

function mostFrequent(ids: readonly (string | undefined)[]): string {
  const timesOf = (id: string | undefined) => ids.filter((each) => each === id).length;
  return ids.toSorted((a, b) => timesOf(b) - timesOf(a))[0] ?? '';
}
