import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { newGames } from '../e2e/load.ts';
import { type HttpFault, type HttpFaultProxy, PASS, startHttpFaultProxy } from '../support/http-fault-proxy.ts';
import { createRandom } from '../support/random.ts';
import { type Driver, type Seen, startDriver } from './driver.ts';
import { FULL } from './form.ts';
import { median } from './median.ts';
import { type ProxiedStack, startProxiedStack } from './placement-stack.ts';
import { healthOf } from './relay-process.ts';

const MAX_IN_FLIGHT = 60;
/** What each system takes longer than usual, ms: up to the first for most of its answers, the second for one in a hundred. */
const SLOW = {
  upstash: [80, 400],
  consul: [300, 2000],
  prometheus: [600, 5000],
  function: [120, 1000],
} as const;

let proxied: ProxiedStack;
let way: HttpFaultProxy;
const subject = `assign.${crypto.randomUUID()}`;

beforeAll(async () => {
  proxied = await startProxiedStack({ instances: 5, scrapeIntervalS: 1, functionEnv: { GAME_CACHE_TTL: '3600' } });
  way = await startHttpFaultProxy(proxied.stack.functionUrl);
});
afterAll(async () => {
  await way?.close();
  await proxied?.stop();
});

function makeSlow(): void {
  const all = { ...proxied.proxies, function: way };
  for (const [name, proxy] of Object.entries(all)) {
    const [most, worst] = SLOW[name as keyof typeof SLOW];
    const random = createRandom(name);
    proxy.set((): HttpFault => ({ kind: 'late', ms: random.whole(100) === 0 ? worst : random.whole(most) + 1 }));
  }
}

function makeQuick(): void {
  for (const proxy of [...Object.values(proxied.proxies), way]) proxy.set(PASS);
}

/** So many new games at this rate. */
function load(driver: Driver, perSecond: number, count: number): Promise<readonly Seen[]> {
  const games = newGames(count).values();
  return driver.openLoop(perSecond, () => games.next().value, { subject });
}

function withCode(seen: readonly Seen[], code: string | undefined): readonly Seen[] {
  return seen.filter(({ reply }) => reply !== undefined && reply.code === code);
}

it('F21 everything is slow at once: still one reply each and in time, and too much is refused first', {
  timeout: 180_000,
}, async () => {
  const { natsUrl, redisUrl } = proxied.stack.addresses;
  const driver = await startDriver({ natsUrl, redisUrl });
  onTestFinished(() => driver.close());
  const env = { ASSIGN_SUBJECT: subject, ALLOCATOR_URL: `${way.url}/batch`, MAX_IN_FLIGHT: String(MAX_IN_FLIGHT) };
  const relay = await proxied.stack.addRelay(env);

  makeSlow();
  const calm = await load(driver, 50, FULL ? 1500 : 200);
  const crowded = await load(driver, 600, FULL ? 6000 : 1200);
  makeQuick();
  const unknown = withCode([...calm, ...crowded], 'deadline_exceeded').map(({ gameId }) => gameId);
  const again = await driver.closedLoop(unknown, 4, { subject, timeoutMs: 5000 });

  await driver.expectPromisesKept();
  const known = ['deadline_exceeded', 'overloaded', 'upstream_unavailable'];
  expect(Object.keys(driver.checker.counts().failures).filter((code) => !known.includes(code))).toEqual([]);
  const served = withCode(calm, undefined);
  const refused = withCode(crowded, 'overloaded');
  expect(served.length).toBeGreaterThan(0);
  expect(refused.length).toBeGreaterThan(0);
  expect(median(refused)).toBeLessThan(median(served) / 2);
  expect(again.filter(({ reply }) => reply?.success !== true)).toEqual([]);
  expect((await healthOf(relay)).in_flight).toBe(0);
});
