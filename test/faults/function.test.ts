import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { type Stack, startStack } from '../../dev/stack.ts';
import { newGames } from '../e2e/load.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import {
  type HttpFault,
  type HttpFaultProxy,
  PASS,
  type PassedAnswer,
  startHttpFaultProxy,
} from '../support/http-fault-proxy.ts';
import { type AskOptions, type Driver, type Seen, startDriver } from './driver.ts';
import { runFirst, startFunctionHost } from './function-host.ts';
import { startTwiceAnswering } from './function-twice.ts';
import { healthOf, loggedBy } from './relay-process.ts';
import { until } from './until.ts';

/** What a caller waits that knows nothing of this project. */
const CALLER_TIMEOUT_MS = 500;
/** For callers in no hurry. */
const PATIENT_MS = 5000;
/** A call, its hedge and its retry. */
const MOST_CALLS = 3;

let stack: Stack;
let way: HttpFaultProxy;
let relay: RunningServer;
let driver: Driver;
/** Where `relay` listens. */
const subject = `assign.${crypto.randomUUID()}`;

beforeAll(async () => {
  stack = await startStack({ instances: 5, scrapeIntervalS: 1, functionEnv: { GAME_CACHE_TTL: '3600' } });
  way = await startHttpFaultProxy(stack.functionUrl);
  relay = await stack.addRelay({ ASSIGN_SUBJECT: subject, ALLOCATOR_URL: `${way.url}/batch` });
});
afterAll(async () => {
  await way?.close();
  await stack?.stop();
});

beforeEach(async () => {
  way.set(PASS);
  driver = await startDriver({ natsUrl: stack.addresses.natsUrl, redisUrl: stack.addresses.redisUrl });
});
afterEach(() => driver.close());

/** A relay for this test, on a subject of its own. */
async function newRelay(allocatorUrl: string, env: Readonly<Record<string, string>> = {}) {
  const own = { ASSIGN_SUBJECT: `assign.${crypto.randomUUID()}`, ALLOCATOR_URL: `${allocatorUrl}/batch` };
  const started = await stack.addRelay({ ...own, KEEP_WARM: '0', ...env });
  onTestFinished(() => started.stop());
  return { relay: started, subject: own.ASSIGN_SUBJECT };
}

function codesOf(seen: readonly Seen[]): readonly (string | undefined)[] {
  return seen.map(({ reply }) => (reply?.success ? 'success' : reply?.code));
}

/** Asks again for games whose outcome was a failure: each gets its instance. */
async function expectToSucceedNow(games: readonly string[], options: AskOptions): Promise<void> {
  const seen = await driver.closedLoop(games, 2, { timeoutMs: PATIENT_MS, ...options });
  expect(codesOf(seen)).toEqual(seen.map(() => 'success'));
  await driver.expectPromisesKept();
}

/** The fault for the first `count` requests, and then none. */
function firstOnly(fault: HttpFault, count = 1): () => HttpFault {
  let seen = 0;
  return () => {
    seen += 1;
    return seen <= count ? fault : PASS;
  };
}

const BAD_GATEWAY: HttpFault = { kind: 'answer', status: 502, body: '{"message":"Internal Server Error"}' };
const TOO_MANY: HttpFault = { kind: 'answer', status: 429, body: '{"message":"Rate Exceeded."}' };

describe('the function fails', () => {
  it.each([
    ['hangs', { kind: 'hang' }, 'deadline_exceeded'],
    ['answers 502', BAD_GATEWAY, 'deadline_exceeded'],
    ['answers 429', TOO_MANY, 'upstream_unavailable'],
    ['resets connections', { kind: 'reset' }, 'deadline_exceeded'],
    ['does it and resets connections', { kind: 'drop' }, 'deadline_exceeded'],
  ] as const)(
    'F8 the function %s: told in time, after three calls at most, and safe to ask again',
    async (_, fault, code) => {
      way.set(fault);
      const before = way.counts()[fault.kind];
      const games = newGames(5);
      const seen = await driver.closedLoop(games, 1, { subject });
      const calls = way.counts()[fault.kind] - before;
      way.set(PASS);

      expect(codesOf(seen)).toEqual(seen.map(() => code));
      expect(Math.min(...seen.map(({ ms }) => ms))).toBeLessThan(CALLER_TIMEOUT_MS);
      expect(calls).toBeGreaterThanOrEqual(games.length);
      expect(calls).toBeLessThanOrEqual(games.length * MOST_CALLS);
      await expectToSucceedNow(games, { subject });
    },
  );

  it.each([
    ['answers 502', BAD_GATEWAY],
    ['answers 429', TOO_MANY],
    ['resets the connection', { kind: 'reset' }],
    ['does it and resets the connection', { kind: 'drop' }],
  ] as const)('F8 the function %s once: the retry succeeds inside the deadline', async (_, fault) => {
    const { retried } = await healthOf(relay);
    way.set(firstOnly(fault));
    const seen = await driver.ask(newGames(1)[0] ?? '', { subject, timeoutMs: PATIENT_MS });
    way.set(PASS);

    // Not as a replay either: it is one and the same attempt.
    expect(seen.reply).toMatchObject({ success: true });
    expect(seen.reply).not.toHaveProperty('replayed');
    expect((await healthOf(relay)).retried).toBe(retried + 1);
    await driver.expectPromisesKept();
  });

  it('F8 a cold start of 3 s: told in time that it is unknown, and asking again succeeds', async () => {
    const slow = runFirst('await new Promise((resolve) => setTimeout(resolve, 3000));');
    const cold = await newRelay(new URL(await startFunctionHost(stack, { NODE_OPTIONS: slow })).origin);
    const games = newGames(100);
    const failed: Seen[] = [];
    for (const gameId of games) {
      const seen = await driver.ask(gameId, { subject: cold.subject });
      if (seen.reply?.success) break;
      failed.push(seen);
    }

    expect(failed.length).toBeGreaterThan(2);
    expect(codesOf(failed).slice(0, 3)).toEqual(['deadline_exceeded', 'deadline_exceeded', 'deadline_exceeded']);
    // Once it runs, what waited before it has too little time left to be placed, and is told that it was not.
    expect(new Set(['deadline_exceeded', 'upstream_unavailable', ...codesOf(failed)]).size).toBe(2);
    await expectToSucceedNow(
      failed.map(({ gameId }) => gameId),
      { subject: cold.subject },
    );
  });
});

/** A door as IAM keeps it: `opens` to whose signature is of now, and refuses others with 403 and the time. */
async function startIamDoor(opens: boolean): Promise<HttpFaultProxy> {
  const url = await startFunctionHost(stack, {}, { iam: true, provisioned: { batch: 1 } });
  const door = await startHttpFaultProxy(url);
  onTestFinished(() => door.close());
  const refuse = (): HttpFault => ({
    kind: 'answer',
    status: 403,
    headers: { date: new Date().toUTCString() },
    body: '{"Message":"Signature expired: 20261125T120000Z is now earlier than 20261125T120500Z"}',
  });
  door.set(({ headers }) => (opens && isSignedNow(headers) ? PASS : refuse()));
  return door;
}

/** It signs its calls, with a clock that is wrong by so much. */
function newSigningRelay(door: HttpFaultProxy, minutesWrong: number) {
  return newRelay(door.url, {
    AWS_ACCESS_KEY_ID: 'AKIALOCAL',
    AWS_SECRET_ACCESS_KEY: `canary-${crypto.randomUUID()}`,
    AWS_REGION: 'eu-central-1',
    ALLOCATOR_AUTH: 'iam',
    ALLOCATOR_TOKEN: '',
    NODE_OPTIONS: runFirst(setClock(minutesWrong)),
  });
}

it.each([-10, 10])(
  'F19 the clock of the relay is %i minutes wrong: refused and told, and signed by the time of AWS from then on',
  async (minutes) => {
    const door = await startIamDoor(true);
    const { relay: skewed, subject: asked } = await newSigningRelay(door, minutes);
    const games = newGames(10);
    const seen = await driver.closedLoop(games, 1, { subject: asked, timeoutMs: PATIENT_MS });

    expect(codesOf(seen)).toEqual(['upstream_unavailable', ...games.slice(1).map(() => 'success')]);
    expect(door.counts()).toMatchObject({ answer: 1, pass: games.length - 1 }); // none was tried again
    expect((await healthOf(skewed)).upstream_failures).toMatchObject({ refused: 1 });
    expect(await loggedBy(skewed, 'clock_far_from_aws')).toHaveLength(1);
    await expectToSucceedNow(games, { subject: asked });
  },
);

it('F19 the signature stays refused: told, counted, and not tried again', async () => {
  const door = await startIamDoor(false);
  const { relay: refused, subject: asked } = await newSigningRelay(door, 0);
  const games = newGames(10);
  const seen = await driver.closedLoop(games, 1, { subject: asked, timeoutMs: PATIENT_MS });

  expect(codesOf(seen)).toEqual(seen.map(() => 'upstream_unavailable'));
  expect(door.counts()).toMatchObject({ answer: games.length });
  expect((await healthOf(refused)).upstream_failures).toMatchObject({ refused: games.length });
  const [line] = await loggedBy(refused, 'allocator_unavailable');
  expect(line).toMatchObject({ level: 'ERROR', error: { message: 'allocator: refused 403' } });
  await driver.expectPromisesKept();
});

it('F20 frozen between requests, and all its idle sockets are dead when it thaws: one more try, and success', async () => {
  const { addresses } = stack;
  const paths = await Promise.all(
    [addresses.upstashUrl, addresses.consulUrl, addresses.prometheusUrl].map((url) =>
      startFaultProxy(Number(new URL(url).port)),
    ),
  );
  onTestFinished(async () => void (await Promise.all(paths.map((path) => path.close()))));
  const [redis = '', consul = '', prometheus = ''] = paths.map(({ port }) => `http://127.0.0.1:${port}`);
  const env = { UPSTASH_REDIS_REST_URL: redis, CONSUL_URL: consul, PROMETHEUS_URL: prometheus };
  const url = await startFunctionHost(stack, env, { freeze: true, maxEnvironments: 1, provisioned: { batch: 1 } });
  const { subject: asked } = await newRelay(new URL(url).origin);
  await until(async () => (await driver.ask(newGames(1)[0] ?? '', { subject: asked })).reply?.success === true);

  const seen: Seen[] = [];
  for (const gameId of newGames(10)) {
    for (const path of paths) await path.set('reset');
    for (const path of paths) await path.set('pass');
    seen.push(await driver.ask(gameId, { subject: asked, timeoutMs: PATIENT_MS }));
  }

  expect(codesOf(seen)).toEqual(seen.map(() => 'success'));
  await driver.expectPromisesKept();
});

describe('the function gives wrong answers', () => {
  it('F22 the answer to another request: refused, whatever it says', async () => {
    const { relay: other, subject: asked } = await newRelay(way.url);
    let earlier: PassedAnswer | undefined;
    const edit = (answer: PassedAnswer) => {
      earlier ??= answer;
      return earlier;
    };
    way.set({ kind: 'edit', edit });
    const first = await driver.ask(newGames(1)[0] ?? '', { subject: asked, timeoutMs: PATIENT_MS });
    const games = newGames(10);
    const seen = await driver.closedLoop(games, 1, { subject: asked, timeoutMs: PATIENT_MS });
    way.set(PASS);

    expect(first.reply?.success).toBe(true);
    expect(codesOf(seen)).toEqual(seen.map(() => 'upstream_unavailable'));
    expect((await healthOf(other)).upstream_failures).toMatchObject({ invalid_body: games.length });
    expect(await loggedBy(other, 'allocator_unavailable')).not.toEqual([]);
    await expectToSucceedNow(games, { subject: asked });
  });

  it('F22 the answers of one batch in another order: refused', async () => {
    const { subject: asked } = await newRelay(way.url);
    const edit = (answer: PassedAnswer) => {
      const body = JSON.parse(answer.body) as Record<string, unknown>;
      const turned = Object.fromEntries(
        Object.entries(body).map(([key, value]) => [key, Array.isArray(value) ? value.toReversed() : value]),
      );
      return { ...answer, body: JSON.stringify(turned) };
    };
    way.set({ kind: 'edit', edit });
    const games = newGames(16);
    // All at once: some of them travel alone, and are answered.
    const seen = await driver.closedLoop(games, games.length, { subject: asked, timeoutMs: PATIENT_MS });
    way.set(PASS);

    expect(new Set(codesOf(seen))).toContain('upstream_unavailable');
    await expectToSucceedNow(games, { subject: asked });
  });

  it("F22 every answer twice: nobody gets another one's", async () => {
    const { subject: asked } = await newRelay(await startTwiceAnswering(stack.functionUrl));
    const seen = await driver.closedLoop(newGames(200), 8, { subject: asked, timeoutMs: PATIENT_MS });

    const codes = new Set(codesOf(seen));
    expect(codes).toContain('success');
    expect(
      [...codes].filter(
        (code) => code !== 'success' && code !== 'upstream_unavailable' && code !== 'deadline_exceeded',
      ),
    ).toEqual([]);
    await driver.expectPromisesKept();
  });

  it('F22 an answer after the deadline: the reply has been sent without it, and stays the only one', async () => {
    way.set({ kind: 'late', ms: 700 });
    const games = newGames(10);
    const seen = await driver.closedLoop(games, 10, { subject });
    await until(() => way.counts().late > 0);
    way.set(PASS);

    expect(codesOf(seen)).toEqual(seen.map(() => 'deadline_exceeded'));
    await expectToSucceedNow(games, { subject });
  });
});

/** Whether AWS would take the date of this signature, which may be 5 minutes off. */
function isSignedNow(headers: Readonly<Record<string, string | string[] | undefined>>): boolean {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date']));
  if (match === null || !String(headers['authorization']).startsWith('AWS4-HMAC-SHA256 ')) return false;
  const [, year, month, day, hour, minute, second] = match;
  const signedAtMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Math.abs(Date.now() - signedAtMs) < 5 * 60_000;
}

/** Code that sets the clock of a process wrong. */
function setClock(minutes: number): string {
  return `
    const True = Date;
    const wrong = () => True.now() + ${minutes} * 60000;
    globalThis.Date = class extends True {
      constructor(...given) { given.length === 0 ? super(wrong()) : super(...given); }
      static now() { return wrong(); }
    };`;
}
