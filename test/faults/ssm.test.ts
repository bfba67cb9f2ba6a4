import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startUpstash } from '../../dev/stack/start-parts.ts';
import { type Answer, fastest, newGames, PATIENT_TIMEOUT_MS, refusals, tally } from '../e2e/load.ts';
import { type HttpFaultProxy, PASS } from '../support/http-fault-proxy.ts';
import { DOORS, type PlacementWorld, startPlacementWorld } from './placement-world.ts';
import { type SsmStore, startSsmStore } from './ssm-store.ts';

const WRONGPASS = { kind: 'answer', status: 401, body: '{"error":"WRONGPASS invalid or missing auth token"}' } as const;
const REFUSED = { success: false, code: 'upstream_unavailable', retryable: true, message: expect.any(String) };

let store: SsmStore;
let world: PlacementWorld;
let rest: HttpFaultProxy;
let secrets: Readonly<Record<string, string>>;

beforeAll(async () => {
  store = await startSsmStore();
  // As deployed: who comes through IAM is asked for no token, so that a lack of secrets is told for each request.
  world = await startPlacementWorld({ functionEnv: store.env, functions: { iam: true } });
  rest = world.proxies.upstash;
  const { upstashToken, assignToken } = world.stack.addresses;
  secrets = { UPSTASH_REDIS_REST_TOKEN: upstashToken, API_TOKENS: assignToken };
});
afterAll(async () => {
  await world?.stop();
  await store?.stop();
});
beforeEach(async () => {
  store.set(secrets);
  store.throttle(false);
  rest.set(PASS);
  // What an environment was refused once it does not ask for again so soon.
  await killEnvironments();
  await world.begin();
});

async function killEnvironments(): Promise<void> {
  await world.killEnvironments('batch');
  await world.killEnvironments('assign');
}

async function logFrom(from: number): Promise<string> {
  return (await readFile(world.stack.functions.logFile, 'utf8')).slice(from);
}

async function logLength(): Promise<number> {
  return (await logFrom(0)).length;
}

/** One after another, until as many have been answered and not cut off by their deadline. */
async function ask(count: number, door: (typeof DOORS)[number]): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  while (answers.length < count) {
    const answer = await world.caller[door](newGames(1)[0]!, PATIENT_TIMEOUT_MS);
    if (answer.reply?.code !== 'deadline_exceeded') answers.push(answer);
  }
  return answers;
}

describe.each(DOORS)('%s', (door) => {
  it.each<[string, () => void, string]>([
    ['a secret is missing in SSM', () => store.set({ API_TOKENS: secrets['API_TOKENS']! }), 'secrets_missing'],
    ['SSM throttles', () => store.throttle(true), 'secrets_unreadable'],
  ])(
    'F18 %s when an environment starts: refused at once, with its name in the log and no value',
    async (_what, fail, event) => {
      const from = await logLength();
      fail();
      await killEnvironments();

      const answers = await ask(5, door);
      const log = await logFrom(from);
      store.set(secrets);
      store.throttle(false);

      expect(answers.map(({ reply }) => reply)).toEqual(answers.map(() => REFUSED));
      expect(fastest(answers)).toBeLessThan(500);
      expect(log).toMatch(new RegExp(`"${event}".*upstash-redis-rest-token`));
      for (const secret of Object.values(secrets)) expect(log).not.toContain(secret);
      const { gameId } = await world.untilAnswer(({ reply }) => reply?.success === true, door);
      await world.readRecords([gameId, ...answers.map((answer) => answer.gameId)]);
      expect(world.checker.violations()).toEqual([]);
    },
  );

  it('F18 SSM throttles later: the last good values are kept', async () => {
    const readsBefore = store.reads();
    store.throttle(true);
    rest.set(WRONGPASS);
    const [refused] = await ask(1, door); // so that the secrets are read anew
    rest.set(PASS);

    const answers = await ask(5, door);

    expect(refused?.reply).toEqual(REFUSED);
    expect(store.reads()).toBeGreaterThan(readsBefore);
    expect(tally(answers)).toEqual({ success: 5 });
    await world.readRecords(answers.map(({ gameId }) => gameId));
    expect(world.checker.violations()).toEqual([]);
  });

  it('F18 a token is rotated: the first request after it is refused, the next one has the new token', async () => {
    const newToken = `new-${crypto.randomUUID()}`;
    const front = await startUpstash(world.stack.addresses.redisUrl, newToken);
    rest.setTarget(front.url);
    store.set({ ...secrets, UPSTASH_REDIS_REST_TOKEN: newToken });

    const answers = await ask(5, door);
    rest.setTarget(world.stack.addresses.upstashUrl);
    await front.stop();

    expect(answers.map(({ reply }) => reply?.success)).toEqual([false, true, true, true, true]);
    expect(refusals(answers)).toEqual(['upstream_unavailable']);
    await world.readRecords(answers.map(({ gameId }) => gameId));
    expect(world.checker.violations()).toEqual([]);
  });

  it('F11 a token that stays refused: every request is refused, and the secrets are read once more and not again', async () => {
    const readsBefore = store.reads();
    rest.set(WRONGPASS);

    const answers = await ask(20, door);

    expect(answers.map(({ reply }) => reply)).toEqual(answers.map(() => REFUSED));
    expect(store.reads() - readsBefore).toBe(1);
    expect(await world.readRecords(answers.map(({ gameId }) => gameId))).toEqual(answers.map(() => undefined));
    expect(world.checker.violations()).toEqual([]);
  });
});
