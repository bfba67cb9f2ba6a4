import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { connect, type NatsConnection } from 'nats';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../../dev/stack.ts';
import { type Answer, assignAtOnce, assignOverHttp, assignOverNats, newGames, PATIENT_TIMEOUT_MS } from './load.ts';
import { createStackPlacement, type StackPlacement } from './stack-placement.ts';

const INSTANCES = 5;
const GRACE_MS = 3000;
const FUNCTION_ENV = {
  REASSIGN_GRACE_MS: String(GRACE_MS),
  // Views that are looked at more often than by default, so that a grace holds several of them.
  FLEET_FRESH_MS: '250',
  // No record may end by itself.
  GAME_CACHE_TTL: '600',
};
const POLL_MS = 20;
/** Ends only what would never come. */
const LIMIT_MS = 40_000;
const LIMITS = { timeout: 120_000 };

let stack: Stack;
let nats: NatsConnection;
let redis: Redis;
let placement: StackPlacement;
let addresses: readonly string[];

beforeAll(async () => {
  // Places enough for all: they are there to be counted.
  stack = await startStack({
    instances: INSTANCES,
    maxGames: 1000,
    scrapeIntervalS: 1,
    functionEnv: FUNCTION_ENV,
    // One view behind each door: a view may be 10 s old when it is used, which is longer than the grace here.
    functions: { maxEnvironments: 1, provisioned: { batch: 1, assign: 1 } },
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

/** Everybody is there and well again; `fill` waits until that has been noticed. */
afterEach(async () => {
  const present = (await stack.fleetReport()).map(({ address }) => address);
  for (const address of addresses) {
    const back = present.includes(address) ? {} : { present: true };
    await stack.changeInstance(address, { ...back, health: 'passing', draining: false, maintenance: false });
  }
});

const overNats = (gameId: string) => assignOverNats(nats, gameId, PATIENT_TIMEOUT_MS);
const overHttp = (gameId: string) => assignOverHttp(stack.addresses.assignUrl, stack.addresses.assignToken, gameId);

async function ask(gameId: string, how = overNats): Promise<Answer> {
  const [answer] = await assignAtOnce([gameId], how);
  return answer!;
}

/** Asks, for this game or for a new one each time, until an answer is what is wanted; that answer. */
async function askUntil(wanted: (answer: Answer) => boolean, gameId?: string, how = overNats): Promise<Answer> {
  const giveUpAt = performance.now() + LIMIT_MS;
  for (;;) {
    const answer = await ask(gameId ?? newGames(1)[0]!, how);
    if (wanted(answer)) return answer;
    if (performance.now() > giveUpAt) throw new Error(`Still ${JSON.stringify(answer.reply)} after ${LIMIT_MS} ms`);
    await sleep(POLL_MS);
  }
}

/** Assigns games one after another until `enough` of them run on each instance; the games by instance. */
async function fill(enough: number): Promise<Map<string, string[]>> {
  const games = new Map<string, string[]>();
  await askUntil(({ gameId, reply }) => {
    const instance = reply?.instance_id;
    if (instance !== undefined) games.set(instance, [...(games.get(instance) ?? []), gameId]);
    return games.size === INSTANCES && [...games.values()].every(({ length }) => length >= enough);
  });
  return games;
}

/** Asks for new games until so many in a row go elsewhere that the views in use cannot have these any more. */
async function untilAvoided(...instances: readonly string[]): Promise<void> {
  let elsewhere = 0;
  await askUntil(({ reply }) => {
    const chosen = reply?.instance_id;
    elsewhere = chosen === undefined || instances.includes(chosen) ? 0 : elsewhere + 1;
    return elsewhere === 3 * INSTANCES;
  });
}

/** Asks for a game until the answer is another than that it is on `instance`, and says when that came. */
async function untilMoved(gameId: string, instance: string, how: typeof overNats) {
  const answer = await askUntil(
    ({ reply }) => {
      if (reply?.instance_id !== instance) return true;
      expect(reply).not.toHaveProperty('reassigned');
      return false;
    },
    gameId,
    how,
  );
  return { answer, seenAt: performance.now() };
}

function askHundredTimes(gameId: string): Promise<readonly Answer[]> {
  const sameGame = Array.from({ length: 100 }, () => gameId);
  return assignAtOnce(sameGame, (id, index) => (index % 2 === 0 ? overNats(id) : overHttp(id)));
}

/** Asks for each game, and gives the answers that do not name its instance, or say that it was moved. */
async function movedOf(games: ReadonlyMap<string, string>): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const gameId of games.keys()) answers.push(await ask(gameId));
  return answers.filter(({ gameId, reply }) => reply?.instance_id !== games.get(gameId) || reply?.reassigned);
}

/** The same again and again, for so long. */
async function movedWithin(ms: number, games: ReadonlyMap<string, string>): Promise<readonly Answer[]> {
  const moved: Answer[] = [];
  const endAt = performance.now() + ms;
  while (performance.now() < endAt) {
    moved.push(...(await movedOf(games)));
    await sleep(POLL_MS);
  }
  return moved;
}

/** Which instance each game runs on. */
function owners(games: ReadonlyMap<string, readonly string[]>, ...instances: readonly string[]): Map<string, string> {
  return new Map(instances.flatMap((address) => (games.get(address) ?? []).map((gameId) => [gameId, address])));
}

it.each([
  ['fails its checks', { health: 'critical' }, { health: 'passing' }],
  ['is no longer in Consul', { present: false }, { present: true }],
] as const)(
  'moves each game of an instance that %s to one other, once, after the grace',
  LIMITS,
  async (_how, die, comeBack) => {
    const games = await fill(4);
    const [dead = '', [viaNats = '', viaHttp = '', ...others] = []] = [...games].at(-1) ?? [];
    const before = await placement.places();

    const diedAt = performance.now();
    await stack.changeInstance(dead, die);
    const watched = await Promise.all([untilMoved(viaNats, dead, overNats), untilMoved(viaHttp, dead, overHttp)]);
    // Both doors have a view now in which the grace is over.
    const bursts = await Promise.all(others.map(askHundredTimes));

    for (const { seenAt } of watched) expect(seenAt - diedAt).toBeGreaterThanOrEqual(GRACE_MS);
    const moved = new Map<string, string>();
    for (const answers of [...watched.map(({ answer }) => [answer]), ...bursts]) {
      const { gameId, reply: first } = answers[0]!;
      const chosen = first?.instance_id ?? '';
      expect(chosen).not.toBe(dead);
      expect(answers.map(({ reply }) => reply)).toEqual(
        answers.map(() => expect.objectContaining({ success: true, instance_id: chosen, reassigned: true })),
      );
      expect(await redis.get(`games:${gameId}`)).toBe(JSON.stringify(chosen));
      moved.set(gameId, chosen);
    }
    const after = await placement.places();
    for (const [address, count] of Object.entries(before)) {
      if (address === dead) continue;
      const arrived = [...moved.values()].filter((chosen) => chosen === address).length;
      expect([address, after[address]]).toEqual([address, count + arrived]);
    }

    // It comes back empty: its games stay where they are now.
    await stack.changeInstance(dead, comeBack);
    await askUntil(({ reply }) => reply?.instance_id === dead);
    for (const [gameId, chosen] of moved) expect((await ask(gameId)).reply?.instance_id).toBe(chosen);
  },
);

it('leaves games where they are while their instance drains or is in maintenance', LIMITS, async () => {
  const games = await fill(2);
  const [draining = '', maintained = ''] = [...games.keys()];
  await stack.changeInstance(draining, { draining: true });
  await stack.changeInstance(maintained, { maintenance: true });
  await untilAvoided(draining, maintained);

  const moved = await movedWithin(1.5 * GRACE_MS, owners(games, draining, maintained));

  expect(moved).toEqual([]);
});

it(
  'leaves games where they are while Consul restarts, also those of an instance that was gone before',
  LIMITS,
  async () => {
    const games = await fill(2);
    const [gone = '', ...others] = addresses;
    const [onGone, onOthers] = [owners(games, gone), owners(games, ...others)];
    await stack.changeInstance(gone, { present: false });
    await untilAvoided(gone);
    stack.consul.signal('SIGKILL');
    await askUntil(({ reply }) => reply?.degraded?.includes('consul') === true);

    const meanwhile = await movedWithin(1.25 * GRACE_MS, new Map([...onGone, ...onOthers]));
    await stack.consul.restart();
    const [gameId = ''] = onGone.keys();
    const { answer } = await untilMoved(gameId, gone, overNats);
    const afterwards = await movedWithin(1.25 * GRACE_MS, onOthers);

    expect(meanwhile).toEqual([]);
    expect(answer.reply).toMatchObject({ success: true, reassigned: true });
    expect(afterwards).toEqual([]);
  },
);

/**
 * Takes these out of Consul until `noticed` resolves and brings them back, well before the grace is over: one, and when
 * that has been noticed the others. Gives their games, and what was said of those on the way. On a machine that was too
 * slow for that it tries again, with other games.
 */
async function absence(instances: readonly string[], noticed: () => Promise<unknown>) {
  const [first = '', ...others] = instances;
  for (;;) {
    const games = owners(await fill(1), ...instances);
    const beganAt = performance.now();
    for (const address of instances) await stack.changeInstance(address, { present: false });
    await noticed();
    const moved = [...(await movedOf(games))];
    await stack.changeInstance(first, { present: true });
    await askUntil(({ reply }) => reply?.success === true);
    moved.push(...(await movedOf(games)));
    for (const address of others) await stack.changeInstance(address, { present: true });
    if (performance.now() - beganAt < GRACE_MS - 1000) return { games, moved };
  }
}

it('leaves games where they are when Consul forgets everybody and is told anew within the grace', LIMITS, async () => {
  // A list that lacks most of what it had is believed the second time.
  const nobody = () => askUntil(({ reply }) => reply?.code === 'no_instance');
  const { games, moved } = await absence(addresses, nobody);

  const afterwards = await movedWithin(1.25 * GRACE_MS, games);

  expect([...moved, ...afterwards]).toEqual([]);
});

it('leaves games where they are through two absences that are each shorter than the grace', LIMITS, async () => {
  const [absent = ''] = addresses;
  const first = await absence([absent], () => untilAvoided(absent));
  const between = await movedWithin(1.25 * GRACE_MS, first.games);

  const second = await absence([absent], () => untilAvoided(absent));
  const afterwards = await movedOf(new Map([...first.games, ...second.games]));

  expect([...first.moved, ...between, ...second.moved, ...afterwards]).toEqual([]);
});
