import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createAsking } from '../../dev/doctor/ask.ts';
import { checkPlacement } from '../../dev/doctor/checks/placement.ts';
import { GOLDEN_DECISIONS } from '../../dev/doctor/golden/golden-decisions.ts';
import { playGolden } from '../../dev/doctor/golden/play-golden.ts';
import type { RedisClient } from '../../lib/app/ports.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { loadScript } from '../../lib/placement/lua-placement.ts';
import { MUTANTS } from '../placement/mutants.ts';
import { type PlacementServer, startPlacementServer } from '../support/placement-service.ts';

const asking = createAsking(30_000, new AbortController().signal);
const target = { name: 'Redis', at: 'x:1', setting: 'REDIS_HOST', credential: 'REDIS_PASSWORD' };
let server: PlacementServer;

beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server.stop());
afterEach(() => server.redis.flushall());

const keys = () => server.redis.keys('*');

it('plays every decision, each as it should be, and leaves nothing', async () => {
  const checked = await checkPlacement({ redis: server.client, target, statePrefix: 'state', asking });

  expect(checked.findings).toEqual([
    { status: 'ok', text: `${GOLDEN_DECISIONS.length} golden decisions, all as they should be` },
  ]);
  expect(await keys()).toEqual([]);
});

it('writes under its own prefix alone, and touches nothing else', async () => {
  await server.redis.set('state:v1:game-service', 'ours');
  const seen = new Set<string>();
  const redis = watched(server.client, (names) => {
    for (const name of names) seen.add(name);
  });

  await playGolden({ redis, decisions: GOLDEN_DECISIONS, prefix: 'state:doctor:1', asking });

  expect(seen.size).toBeGreaterThan(GOLDEN_DECISIONS.length);
  expect([...seen].filter((name) => !name.startsWith('state:doctor:1:'))).toEqual([]);
  expect(await keys()).toEqual(['state:v1:game-service']);
});

it.each(MUTANTS.filter((_, index) => index % 20 === 0))(
  'finds a Redis that decides otherwise: $name',
  async (mutant) => {
    const source = loadScript().source.replace(mutant.from, () => mutant.to);
    const script = { source, sha1: createHash('sha1').update(source).digest('hex') };
    const decisions = GOLDEN_DECISIONS.filter(({ rule }) => rule === mutant.killedBy);

    const { findings } = await checkPlacement({
      redis: server.client,
      target,
      statePrefix: 'state',
      asking,
      decisions,
      script,
    });

    expect(findings).toMatchObject([{ status: 'failed', text: '1 of 1 golden decisions differ' }]);
    expect(findings[0]?.advice).toContain(mutant.killedBy);
    expect(await keys()).toEqual([]);
  },
);

it('removes what it wrote when Redis fails half way', async () => {
  let calls = 0;
  const redis = watched(server.client, () => {
    calls += 1;
    if (calls === 100) throw new UpstreamError('redis', 'error_reply');
  });

  const { findings } = await checkPlacement({ redis, target, statePrefix: 'state', asking });

  expect(findings).toMatchObject([{ status: 'failed', text: 'Redis at x:1 answered an error' }]);
  expect(calls).toBeGreaterThanOrEqual(100);
  expect(await keys()).toEqual([]);
});

it('stops half way when told so, lets what is under way end, and removes all of it', async () => {
  const stopping = new AbortController();
  let calls = 0;
  const redis = watched(server.client, () => {
    calls += 1;
    if (calls === 100) stopping.abort();
  });

  const { played, removed } = await playGolden({
    redis,
    decisions: GOLDEN_DECISIONS,
    prefix: 'state:doctor:1',
    asking: createAsking(30_000, stopping.signal),
  });

  expect(played).toBeLessThan(GOLDEN_DECISIONS.length);
  expect(removed).toBe(true);
  expect(await keys()).toEqual([]);
});

it('stops in the middle of a decision too', async () => {
  const stopping = new AbortController();
  const steps = GOLDEN_DECISIONS.filter((decision) => decision.steps.length > 2).slice(0, 1);
  let calls = 0;
  const redis = watched(server.client, () => {
    calls += 1;
    stopping.abort();
  });

  await playGolden({
    redis,
    decisions: steps,
    prefix: 'state:doctor:1',
    asking: createAsking(30_000, stopping.signal),
  });

  expect(calls).toBe(2); // the one that was under way, and the removal
});

it('says under which prefix something is left when Redis is gone for good', async () => {
  let calls = 0;
  const redis = watched(server.client, () => {
    calls += 1;
    if (calls >= 100) throw new UpstreamError('redis', 'connect');
  });

  const { findings } = await checkPlacement({ redis, target, statePrefix: 'state', asking });

  expect(findings).toMatchObject([
    { status: 'failed' },
    { status: 'warning', text: /^keys of state:doctor:\S+ are left$/ },
  ]);
  // They go by themselves.
  const left = await keys();
  const ttls = await Promise.all(left.map((key) => server.redis.ttl(key)));
  expect(left.length).toBeGreaterThan(0);
  expect(ttls.filter((ttl) => ttl <= 0 || ttl > 86_400)).toEqual([]);
});

/** `onScript` is told each script's keys before it runs, and may throw instead. */
function watched(redis: RedisClient, onScript: (keys: readonly string[]) => void): RedisClient {
  return {
    ...redis,
    async runScript(script, names, args, signal) {
      onScript(names);
      return redis.runScript(script, names, args, signal);
    },
  };
}
