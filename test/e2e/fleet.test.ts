import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { type Stack, startStack } from '../../dev/stack.ts';
import type { ExplainReply, FleetReply } from '../../lib/api/insight-replies.ts';
import { ask as askNats } from './ask-over-nats.ts';
import { newGames, PATIENT_TIMEOUT_MS } from './load.ts';

const PATIENT = { timeout: 30_000, interval: 100 };
const INSTANCES = 4;

let stack: Stack;
let nats: NatsConnection;
let addresses: readonly string[] = [];

beforeAll(async () => {
  stack = await startStack({
    instances: INSTANCES,
    // One environment each, which a test can tell of that it has forgotten what was measured, and soon.
    functions: { maxEnvironments: 1, provisioned: { batch: 1, fleet: 1 } },
    functionEnv: { FLEET_STALE_MS: '10000' },
  });
  nats = await connect({ servers: stack.addresses.natsUrl });
  addresses = (await stack.fleetReport()).map(({ address }) => address).sort();
});
afterAll(async () => {
  await nats?.close();
  await stack?.stop();
});

interface Answer<T> {
  readonly status: number;
  readonly json: T;
}

async function askHttp<T>(
  origin: string,
  token: string,
  method: string,
  path: string,
  body?: object,
): Promise<Answer<T>> {
  const response = await fetch(origin + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'timeout-ms': String(PATIENT_TIMEOUT_MS) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as T };
}

const atRelay = <T>(method: string, path: string, body?: object, token = stack.addresses.consoleToken) =>
  askHttp<T>(stack.addresses.relayUrl, token, method, path, body);
const atFunction = <T>(method: string, path: string, body?: object, token = stack.addresses.assignToken) =>
  askHttp<T>(stack.addresses.apiUrl, token, method, path, body);
const overNats = <T>(subject: string, request: object) =>
  askNats(nats, subject, request) as Promise<unknown> as Promise<T>;

/** The doors by which people look into the allocator. */
const DOORS = {
  NATS: {
    fleet: () => overNats<FleetReply>('game.fleet.request', {}),
    explain: (request: object) => overNats<ExplainReply>('game.explain.request', request),
  },
  HTTPS: {
    fleet: async () => (await atFunction<FleetReply>('GET', '/fleet')).json,
    explain: async (request: object) => (await atFunction<ExplainReply>('POST', '/fleet/explain', request)).json,
  },
  'the relay': {
    fleet: async () => (await atRelay<FleetReply>('GET', '/fleet')).json,
    explain: async (request: object) => (await atRelay<ExplainReply>('POST', '/fleet/explain', request)).json,
  },
};
const { fleet: fleetNow, explain: explainNow } = DOORS['the relay'];

const ids = ({ instances }: FleetReply) => instances.map(({ instance_id }) => instance_id);
const gamesOf = (reply: FleetReply) => reply.instances.reduce((sum, { games = 0 }) => sum + games, 0);

/** Asks until nothing is degraded any more. */
const allWell = () => expect.poll(async () => (await fleetNow()).sources, PATIENT).toMatchObject(ALL_OK);
const ALL_OK = { consul: { state: 'ok' }, prometheus: { state: 'ok' }, redis: { state: 'ok' } };

describe.each(Object.entries(DOORS))('over %s', (_name, door) => {
  it('shows the fleet: who is there, as measured and as expected', async () => {
    await expect.poll(async () => (await door.fleet()).sources, PATIENT).toMatchObject(ALL_OK);

    const reply = await door.fleet();

    expect(ids(reply)).toEqual(addresses);
    expect(reply).toMatchObject({ success: true, service: 'game-service', failing: [], game: { cpu_cores: 0.12 } });
    expect(Math.abs(Date.now() - reply.at_ms)).toBeLessThan(60_000);
    for (const each of reply.instances) {
      expect(each).toMatchObject({ status: 'eligible', cpu_cores: 4, memory_bytes: 8 * 1024 ** 3, state: 'sampled' });
      expect(each.recent).toHaveLength(10);
      const figures = [
        each.cpu_used,
        each.memory_used,
        each.sample_age_s,
        each.cpu,
        each.ram,
        each.cpu_pending,
        each.games,
      ];
      expect(figures.every((figure) => Number.isFinite(figure) && Number(figure) >= 0)).toBe(true);
    }
  });

  it('explains, and writes nothing', async () => {
    const [game_id = ''] = newGames(1);
    const request = { game_id, settings: { resource_level: 'high' } };

    await expect.poll(() => door.explain(request), PATIENT).toMatchObject({ success: true, decision: 'placed' });
    const reply = await door.explain(request);

    expect(reply.candidates.map(({ reason }) => reason)).toEqual(['chosen', ...Array(3).fill('higher_score')]);
    expect(reply.candidates.map(({ instance_id }) => instance_id).toSorted()).toEqual(addresses);
    expect(reply.message).toMatch(/^127\.[\d.]+ has the lowest expected use: CPU \d+ %, RAM \d+ %; next is 127\./);
    expect(await overNats('game.lookup.request', { game_id })).toMatchObject({ code: 'not_found' });
  });

  it('refuses what is no request', async () => {
    expect(await door.explain({ game_id: 'a b' })).toMatchObject({ success: false, code: 'invalid_request' });
  });
});

it('shows games as they come and go', async () => {
  const games = newGames(12);
  for (const game_id of games) await overNats('game.assign.request', { game_id });

  const placed = await fleetNow();
  expect(gamesOf(placed)).toBe(12);
  const recent = placed.instances.flatMap((each) => each.recent ?? []);
  expect(recent.reduce((sum, games) => sum + games, 0)).toBe(12);
  expect(Math.abs(Number(placed.recent?.newest_at_s) - placed.at_ms / 1000)).toBeLessThan(60);
  for (const game_id of games) await overNats('game.release.request', { game_id });
  expect(gamesOf(await fleetNow())).toBe(0);
});

it('assigns, looks up and releases at the relay, and tells how it is', async () => {
  const [game_id = ''] = newGames(1);
  const before = await atRelay<{ received: number }>('GET', '/relay');

  const assigned = await atRelay<{ instance_id: string }>('POST', '/assign', { game_id });
  const { instance_id } = assigned.json;
  expect([assigned.status, addresses.includes(instance_id)]).toEqual([200, true]);
  expect(await atRelay('GET', `/games/${game_id}`)).toMatchObject({ status: 200, json: { instance_id } });
  expect((await explainNow({ game_id })).message).toBe(
    `The game is recorded on ${instance_id} already, and it stays there.`,
  );
  expect(await atRelay('DELETE', `/games/${game_id}`)).toMatchObject({ status: 200, json: { success: true } });
  expect((await atRelay('GET', `/games/${game_id}`)).status).toBe(404);

  await overNats('game.lookup.request', { game_id });
  expect(await atRelay('GET', '/relay')).toEqual({
    status: 200,
    json: expect.objectContaining({
      ...{ success: true, service: 'game-allocator-service', nats: 'serving', in_flight: 0 },
      received: before.json.received + 1,
      rates: { requests_per_s: expect.any(Number), failures_per_s: expect.any(Number) },
      latency_ms: { p50: expect.any(Number), p95: expect.any(Number), p99: expect.any(Number) },
    }),
  });
});

it('shows the page to everybody, and nothing else without the token', async () => {
  for (const origin of [stack.addresses.relayUrl, stack.addresses.apiUrl]) {
    const response = await fetch(origin);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await response.text()).toMatch(/^<!doctype html>/i);
  }
  const doors = [
    ['GET', '/fleet', undefined],
    ['POST', '/fleet/explain', { game_id: 'a' }],
  ] as const;
  for (const [method, path, body] of doors) {
    const refused = { status: 401, json: { success: false, code: 'unauthorised' } };
    expect(await atRelay(method, path, body, 'wrong')).toMatchObject(refused);
    expect(await atFunction(method, path, body, 'wrong')).toMatchObject(refused);
  }
});

it('has no console at a relay that was given no token', async () => {
  const relay = await stack.addRelay({ CONSOLE_TOKEN: '' });
  onTestFinished(() => relay.stop());

  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/fleet'],
    ['POST', '/fleet/explain'],
    ['POST', '/assign'],
    ['GET', '/games/a'],
    ['DELETE', '/games/a'],
    ['GET', '/relay'],
  ] as const) {
    const { status } = await askHttp(relay.url, stack.addresses.consoleToken, method, path);
    expect([path, status]).toEqual([path, 404]);
  }
});

it('explains what the next assignment then does, 40 times in a row', async () => {
  // Unequal ones, so that it matters what is asked for.
  for (const [index, address] of addresses.entries()) {
    await stack.changeInstance(address, { load: { cpuCores: 0.2, memoryBytes: (index + 1) * 1e9 } });
  }
  await expect
    .poll(
      async () => (await overNats<FleetReply>('game.fleet.request', {})).instances.map((each) => each.memory_used),
      PATIENT,
    )
    .toEqual([1e9, 2e9, 3e9, 4e9]);
  await overNats('game.assign.request', { game_id: newGames(1)[0] }); // keeps that in Redis
  await allWell();
  stack.prometheus.signal('SIGSTOP');
  onTestFinished(async () => {
    stack.prometheus.signal('SIGCONT');
    for (const address of addresses) await stack.changeInstance(address, { load: 'games' });
    await allWell();
  });
  // What was measured between the two, or only one of them knows, is a reason to decide otherwise.
  for (const { fleet } of Object.values(DOORS)) {
    await expect.poll(async () => (await fleet()).sources.prometheus, PATIENT).toEqual({ state: 'degraded' });
  }
  const settings = [{}, { resource_level: 'high' }, { cpu_cores: 0.5, exact: true }];
  const games = newGames(40);
  const explained: (string | undefined)[] = [];
  const assigned: (string | undefined)[] = [];

  for (const [index, game_id] of games.entries()) {
    const request = { game_id, settings: settings[index % settings.length] };
    const door = Object.values(DOORS)[index % 3] ?? DOORS.NATS;
    explained.push((await door.explain(request)).instance_id);
    assigned.push((await overNats<{ instance_id?: string }>('game.assign.request', request)).instance_id);
  }

  expect(assigned.every((id) => id !== undefined)).toBe(true);
  expect(explained).toEqual(assigned);
  expect(new Set(assigned).size).toBeGreaterThan(1);
});

/** Polls once a second, as the console does; how long it took until Prometheus was called degraded, ms. */
async function untilDegraded(): Promise<number> {
  const stoppedAt = performance.now();
  await expect
    .poll(async () => (await fleetNow()).sources.prometheus.state, { timeout: 30_000, interval: 1000 })
    .toBe('degraded');
  return performance.now() - stoppedAt;
}

it('shows within 5 s that Prometheus has stopped, or is gone', async () => {
  const took: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    await allWell();
    stack.prometheus.signal('SIGSTOP');
    took.push(await untilDegraded());
    stack.prometheus.signal('SIGCONT');
  }
  await allWell();
  stack.prometheus.signal('SIGKILL');
  took.push(await untilDegraded());
  const { degraded, instances } = await fleetNow();
  await stack.prometheus.restart();
  await allWell();

  expect(Math.min(...took)).toBeLessThan(5000);
  expect(degraded).toEqual(['prometheus']);
  expect(instances.every(({ cpu_used }) => cpu_used !== undefined)).toBe(true); // the last that is known
});

it('shows who drains, who fails and who is gone', async () => {
  const [first = '', second = ''] = addresses;
  const statusOf = async (id: string) => {
    const { instances, failing } = await fleetNow();
    return failing.includes(id) ? 'failing' : instances.find(({ instance_id }) => instance_id === id)?.status;
  };
  const reasonFor = async (id: string) => {
    const { candidates } = await explainNow({ game_id: newGames(1)[0] });
    return candidates.find(({ instance_id }) => instance_id === id)?.reason;
  };

  await stack.changeInstance(first, { draining: true });
  await stack.changeInstance(second, { health: 'critical' });
  await expect.poll(() => statusOf(first), PATIENT).toBe('draining');
  await expect.poll(() => statusOf(second), PATIENT).toBe('failing');
  expect(ids(await fleetNow())).toEqual(addresses.filter((address) => address !== second));
  await expect.poll(() => reasonFor(first), PATIENT).toBe('draining');
  await expect.poll(() => reasonFor(second), PATIENT).toBe('failing');

  await stack.changeInstance(second, { present: false });
  await expect.poll(() => statusOf(second), PATIENT).toBeUndefined();
  expect(ids(await fleetNow())).not.toContain(second);

  await stack.changeInstance(second, { present: true, health: 'passing' });
  await stack.changeInstance(first, { draining: false, maintenance: true });
  await expect.poll(() => statusOf(first), PATIENT).toBe('not_taking');
  await stack.changeInstance(first, { maintenance: false });
  await expect
    .poll(async () => (await fleetNow()).instances.map(({ status }) => status), PATIENT)
    .toEqual(Array(INSTANCES).fill('eligible'));
});

it('shows the fleet without Redis, and what is measured, and cannot explain', async () => {
  await allWell();
  stack.redis.signal('SIGKILL');
  onTestFinished(async () => {
    await stack.redis.restart();
    await allWell();
  });

  await expect.poll(async () => (await fleetNow()).sources.redis, PATIENT).toEqual({ state: 'degraded' });
  const reply = await fleetNow();

  expect(ids(reply)).toEqual(addresses);
  expect(reply).not.toHaveProperty('game');
  expect(reply).not.toHaveProperty('recent');
  for (const each of reply.instances) {
    expect(each.cpu_used).toBeGreaterThan(0);
    expect(Object.keys(each)).not.toEqual(expect.arrayContaining(['state']));
    expect(each).not.toHaveProperty('games');
  }
  expect(await explainNow({ game_id: 'a' })).toMatchObject({ success: false, code: 'upstream_unavailable' });
});

it('shows the last list that there was while Consul is down', async () => {
  await allWell();
  stack.consul.signal('SIGSTOP');
  onTestFinished(async () => {
    stack.consul.signal('SIGCONT');
    await allWell();
  });

  await expect.poll(async () => (await fleetNow()).degraded, PATIENT).toEqual(['consul']);
  const reply = await fleetNow();

  expect(ids(reply)).toEqual(addresses);
  expect(reply.sources.consul.age_ms).toBeGreaterThan(0);
});

describe('at a relay that decides in its own process', () => {
  let relay: RunningServer;
  const ask = <T>(method: string, path: string, body?: object) =>
    askHttp<T>(relay.url, stack.addresses.consoleToken, method, path, body);

  beforeAll(async () => {
    relay = await stack.addRelay({
      ...{ ALLOCATOR_URL: '', CONSUL_URL: stack.addresses.consulUrl, PROMETHEUS_URL: stack.addresses.prometheusUrl },
      ...{ REDIS_HOST: '127.0.0.1', REDIS_PORT: String(stack.redis.port), SCRAPE_INTERVAL_S: '5' },
    });
  });
  afterAll(() => relay?.stop());

  it('shows the fleet and its games', async () => {
    await expect.poll(async () => (await ask<FleetReply>('GET', '/fleet')).json.sources, PATIENT).toMatchObject(ALL_OK);
    const [game_id = ''] = newGames(1);
    const before = gamesOf((await ask<FleetReply>('GET', '/fleet')).json);
    await ask('POST', '/assign', { game_id });

    const { json } = await ask<FleetReply>('GET', '/fleet');

    expect(ids(json)).toEqual(addresses);
    expect(gamesOf(json)).toBe(before + 1);
    await ask('DELETE', `/games/${game_id}`);
  });

  it('explains what it does next', async () => {
    stack.prometheus.signal('SIGSTOP');
    onTestFinished(() => stack.prometheus.signal('SIGCONT'));
    for (const game_id of newGames(20)) {
      const { json } = await ask<ExplainReply>('POST', '/fleet/explain', { game_id });
      const assigned = await ask<{ instance_id: string }>('POST', '/assign', { game_id });
      expect(addresses).toContain(json.instance_id);
      expect(assigned.json).toMatchObject({ success: true, instance_id: json.instance_id });
    }
  });
});
