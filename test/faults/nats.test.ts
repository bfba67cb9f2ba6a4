import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { isAlive } from '../../dev/stack/stack-file.ts';
import { type Stack, startStack } from '../../dev/stack.ts';
import { newGames } from '../e2e/load.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { type HttpFaultProxy, startHttpFaultProxy } from '../support/http-fault-proxy.ts';
import { type AskOptions, type Driver, type DriverOptions, type Seen, startDriver } from './driver.ts';
import { FULL } from './form.ts';
import { RELAY_LOGIN, startCluster, startNatsWithLogins } from './nats-servers.ts';
import { healthOf, readinessOf } from './relay-process.ts';
import { until } from './until.ts';

const GAMES = 20;
/** For callers in no hurry. */
const PATIENT_MS = 5000;
/** Of tests that wait for a minute in their long form. */
const LONG = { timeout: 180_000 };

let stack: Stack;
let way: HttpFaultProxy;

beforeAll(async () => {
  stack = await startStack({ instances: 5, scrapeIntervalS: 1, functionEnv: { GAME_CACHE_TTL: '3600' } });
  way = await startHttpFaultProxy(stack.functionUrl);
});
afterAll(async () => {
  await way?.close();
  await stack?.stop();
});

async function newDriver(natsUrl: string, options: Partial<DriverOptions> = {}): Promise<Driver> {
  const driver = await startDriver({ natsUrl, redisUrl: stack.addresses.redisUrl, ...options });
  onTestFinished(() => driver.close());
  return driver;
}

/** A relay that shares its requests with no other; `way` lies between it and the function, and lets all pass at first. */
async function newRelay(natsUrl: string, env: Readonly<Record<string, string>> = {}) {
  way.set({ kind: 'pass' });
  const subject = `assign.${crypto.randomUUID()}`;
  const own = { NATS_URL: natsUrl, ASSIGN_SUBJECT: subject, ALLOCATOR_URL: `${way.url}/batch` };
  const relay = await stack.addRelay({ ...own, ...env });
  onTestFinished(() => relay.stop());
  return { relay, subject };
}

async function untilReadiness(relay: RunningServer, wanted: string): Promise<void> {
  await until(async () => (await readinessOf(relay)) === wanted);
}

async function untilInFlight(relay: RunningServer, count: number): Promise<void> {
  await until(async () => (await healthOf(relay)).in_flight === count);
}

function askAll(driver: Driver, options: AskOptions): Promise<readonly Seen[]> {
  return driver.closedLoop(newGames(GAMES), GAMES, options);
}

function excuseUnderWay(driver: Driver, why: string): void {
  for (const id of driver.underWay()) driver.checker.excuse(id, why);
}

function expectAllSucceeded(seen: readonly Seen[]): void {
  expect(seen.map(({ reply }) => reply?.success)).toEqual(seen.map(() => true));
}

/** It lives, is ready, answers, and has broken no promise. */
async function expectWell(relay: RunningServer, driver: Driver, subject: string): Promise<void> {
  expect((await fetch(`${relay.url}/livez`)).ok).toBe(true);
  await untilReadiness(relay, 'ready');
  expectAllSucceeded(await askAll(driver, { subject, timeoutMs: PATIENT_MS }));
  await driver.expectPromisesKept();
}

/** A relay with requests in flight whose answers come when `letAnswer` is called, and not before. */
async function askWithHeldAnswers(driver: Driver, natsUrl: string, timeoutMs: number) {
  const held = await startFaultProxy(Number(new URL(stack.functionUrl).port));
  onTestFinished(() => held.close());
  const url = `http://127.0.0.1:${held.port}/batch`;
  const { relay, subject } = await newRelay(natsUrl, { ALLOCATOR_URL: url });
  await held.set('freeze');
  const asked = askAll(driver, { subject, timeoutMs });
  await untilInFlight(relay, GAMES);
  return { relay, subject, asked, letAnswer: () => held.set('pass') };
}

/** Between the relay and a NATS server, for this test. */
async function startPath(nats: RunningServer) {
  const path = await startFaultProxy(nats.port);
  onTestFinished(() => path.close());
  return { ...path, url: `nats://127.0.0.1:${path.port}` };
}

it('F3 a reply that is ready while NATS is away is sent after the reconnect, once', async () => {
  const path = await startPath(stack.nats);
  const driver = await newDriver(stack.nats.url);
  const { relay, subject, asked, letAnswer } = await askWithHeldAnswers(driver, path.url, PATIENT_MS);

  await path.set('refuse');
  await until(async () => !(await healthOf(relay)).connected);
  await letAnswer();
  await untilInFlight(relay, 0);
  await path.set('pass');

  expectAllSucceeded(await asked);
  expect((await healthOf(relay)).lost_replies).toBe(0);
  await expectWell(relay, driver, subject);
});

it('F3 a reply whose deadline passes while NATS is away is dropped and counted', async () => {
  const path = await startPath(stack.nats);
  const driver = await newDriver(stack.nats.url);
  const { relay, subject, asked, letAnswer } = await askWithHeldAnswers(driver, path.url, 3000);

  await path.set('refuse');
  excuseUnderWay(driver, 'NATS was away until its time was over');
  await until(async () => !(await healthOf(relay)).connected);
  await letAnswer();
  await asked;
  await path.set('pass');
  await untilReadiness(relay, 'ready');

  await driver.settle();
  expect(driver.checker.counts()).toMatchObject({ replies: 0, unanswered: GAMES });
  expect((await healthOf(relay)).lost_replies).toBe(GAMES);
  await expectWell(relay, driver, subject);
});

it('F3 NATS killed after the function has been asked: the reply is sent over another server of the cluster, once', async () => {
  const [doomed, other] = await startCluster('hidden');
  const pathToOther = await startPath(other);
  await pathToOther.set('refuse');
  const driver = await newDriver(other.url);
  const urls = `${doomed.url},${pathToOther.url}`;
  const { relay, subject, asked, letAnswer } = await askWithHeldAnswers(driver, urls, PATIENT_MS);

  doomed.signal('SIGKILL');
  await until(async () => !(await healthOf(relay)).connected);
  await letAnswer();
  await untilInFlight(relay, 0);
  await pathToOther.set('pass');

  expectAllSucceeded(await asked);
  await expectWell(relay, driver, subject);
});

it('F4 NATS stands still (SIGSTOP): noticed, not ready meanwhile, and well again afterwards', LONG, async () => {
  const driver = await newDriver(stack.nats.url);
  const { relay, subject } = await newRelay(stack.nats.url);
  way.set({ kind: 'late', ms: 300 });
  const asked = askAll(driver, { subject, timeoutMs: 1000 });
  await untilInFlight(relay, GAMES);

  stack.nats.signal('SIGSTOP');
  const stoppedAtMs = performance.now();
  excuseUnderWay(driver, 'NATS stood still');
  await untilReadiness(relay, 'not_connected');
  if (FULL) await until(() => performance.now() - stoppedAtMs > 30_000, 40_000);
  stack.nats.signal('SIGCONT');
  await asked;

  way.set({ kind: 'pass' });
  await expectWell(relay, driver, subject);
});

it('F5 credentials revoked: alive, says so, and serves again when they are back', async () => {
  const { server, setRelay, refusals } = await startNatsWithLogins();
  const driver = await newDriver(server.url);
  const { relay, subject } = await newRelay(server.url, RELAY_LOGIN);
  await expectWell(relay, driver, subject);

  await setRelay(undefined);
  await untilReadiness(relay, 'credentials_refused');
  await until(async () => (await refusals()) >= 5); // more often than the client itself would try
  expect(await readinessOf(relay)).toBe('credentials_refused');
  await setRelay('');

  await expectWell(relay, driver, subject);
});

it('F5 the permission to subscribe lost: not ready though connected, and serves again when it is back', async () => {
  const { server, setRelay } = await startNatsWithLogins();
  const driver = await newDriver(server.url);
  const { relay, subject } = await newRelay(server.url, RELAY_LOGIN);
  await expectWell(relay, driver, subject);

  await setRelay(`permissions: { subscribe: { deny: "${subject}" } }`);
  await untilReadiness(relay, 'not_subscribed');
  expect((await healthOf(relay)).connected).toBe(true);
  await setRelay('');

  await expectWell(relay, driver, subject);
});

it('F5 a server that leaves (lame duck, SIGUSR2): its relay moves to the other one, and only what it took along is lost', async () => {
  const [leaving, staying] = await startCluster();
  const driver = await newDriver(staying.url);
  const { relay: moving, subject } = await newRelay(leaving.url);
  const { relay: staysHere } = await newRelay(staying.url, { ASSIGN_SUBJECT: subject });
  await expectWell(moving, driver, subject);
  way.set({ kind: 'late', ms: 100 });
  let asked = 0;
  let last = Number.POSITIVE_INFINITY;
  const nextGame = () => (asked++ < last ? newGames(1)[0] : undefined);
  const load = driver.openLoop(100, nextGame, { subject, timeoutMs: PATIENT_MS });

  leaving.signal('SIGUSR2');
  await until(() => !isAlive(leaving.pid));
  // What has reached a server over its routes when it lets its clients go, it drops, and so it does with their last words.
  const takenAlong = new Set(driver.underWay());
  excuseUnderWay(driver, 'the server had it when it ended');
  await untilReadiness(moving, 'ready');
  last = asked + 100;
  const seen = await load;

  expectAllSucceeded(seen.filter(({ id }) => !takenAlong.has(id)));
  const lost = seen.filter(({ reply }) => reply === undefined).map(({ gameId }) => gameId);
  expectAllSucceeded(await driver.closedLoop(lost, GAMES, { subject, timeoutMs: PATIENT_MS }));
  expect(await readinessOf(staysHere)).toBe('ready');
  await expectWell(moving, driver, subject);
});

it('F5 NATS is away for a while: alive, not ready, and subscribes again', LONG, async () => {
  const driver = await newDriver(stack.nats.url, { excuseNoResponders: true });
  const { relay, subject } = await newRelay(stack.nats.url);

  stack.nats.signal('SIGKILL');
  const killedAtMs = performance.now();
  await untilReadiness(relay, 'not_connected');
  const awayMs = FULL ? 60_000 : 2000;
  await until(() => performance.now() - killedAtMs > awayMs, 2 * awayMs);
  expect(isAlive(relay.pid)).toBe(true);
  await stack.nats.restart();

  await untilReadiness(relay, 'ready');
  await expectWell(relay, driver, subject);
});
