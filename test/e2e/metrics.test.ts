import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { DASHBOARDS } from '../../dev/dashboards/all.ts';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';
import { type Stack, startStack } from '../../dev/stack.ts';
import { RELAY_METRICS, type RelayMetric } from '../../lib/relay/relay-metrics.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { seriesNames } from '../infra/known-metrics.ts';
import { withoutVariables } from '../infra/promql.ts';
import { ask } from './ask-over-nats.ts';
import { assignOverNats, newGames, PATIENT_TIMEOUT_MS } from './load.ts';

/** Of a crowded machine; each condition is waited for by itself. */
const PATIENT = { timeout: 60_000, interval: 250 };
const JOB = 'game-allocator-relay';
const OWN_SUBJECT = 'own.assign.request';
const GAMES = 40;

let stack: Stack;
let nats: NatsConnection;
/** The relay before the functions, and one that decides by itself. */
let relays: readonly string[];
const games = newGames(GAMES);

beforeAll(async () => {
  stack = await startStack({ instances: 3, scrapeIntervalS: 1 });
  const { consulUrl, prometheusUrl, upstashUrl, upstashToken } = stack.addresses;
  const own = await stack.addRelay({
    ...{ ALLOCATOR_URL: '', ALLOCATOR_TOKEN: '', ASSIGN_SUBJECT: OWN_SUBJECT },
    ...{ CONSUL_URL: consulUrl, PROMETHEUS_URL: prometheusUrl, SCRAPE_INTERVAL_S: '1' },
    ...{ UPSTASH_REDIS_REST_URL: upstashUrl, UPSTASH_REDIS_REST_TOKEN: upstashToken },
  });
  relays = [stack.relay, own].map(({ url }) => new URL(url).host);
  nats = await connect({ servers: stack.nats.url });
  await Promise.all(games.map((gameId) => assignOverNats(nats, gameId, PATIENT_TIMEOUT_MS)));
  for (const gameId of newGames(5)) await ask(nats, OWN_SUBJECT, { game_id: gameId });
  for (const request of [{}, { game_id: '' }, { game_id: 'x'.repeat(20_000) }]) {
    await ask(nats, 'game.assign.request', request);
  }
  await ask(nats, 'game.release.request', { game_id: games[0] });
}, 180_000);
afterAll(async () => {
  await nats?.close();
  await stack?.stop();
});

type Labels = Readonly<Record<string, string>>;

async function api<T>(path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
  const answer = await fetch(`${stack.addresses.prometheusUrl}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string };
  if (status !== 'success') throw new Error(`${parameters['query'] ?? path}: ${error}`);
  return data;
}

async function query(expression: string): Promise<readonly { readonly metric: Labels; readonly value: number }[]> {
  const { result } = await api<{ result: { metric: Labels; value: [number, string] }[] }>('query', {
    query: expression,
  });
  return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
}

const toNumber = (le: string) => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le));
const series = () => api<readonly Labels[]>('series', { 'match[]': `{job="${JOB}"}` });

it('is scraped by a real Prometheus, each relay of the stack', async () => {
  await vi.waitFor(async () => {
    const up = await query(`up{job="${JOB}"}`);
    expect(up.map(({ metric, value }) => [metric['instance'], value]).toSorted()).toEqual(
      relays.map((relay) => [relay, 1]).toSorted(),
    );
  }, PATIENT);
});

it('has every documented name in Prometheus, and its type', async () => {
  const metrics = Object.values<RelayMetric>(RELAY_METRICS);
  await vi.waitFor(async () => {
    const names = new Set((await series()).map(({ __name__ }) => __name__));
    expect(metrics.flatMap(seriesNames).filter((name) => !names.has(name))).toEqual([]);
  }, PATIENT);

  const metadata = await api<Record<string, { type: string; help: string }[]>>('metadata', {});
  for (const { name, type, help } of metrics)
    expect([name, metadata[name]]).toEqual([name, [{ type, help, unit: '' }]]);
});

it('counts what was asked, also what failed', async () => {
  await vi.waitFor(async () => {
    const counted = await query(`sum by (op, outcome) (game_relay_requests_total{instance="${relays[0]}"}) > 0`);
    const byOutcome = Object.fromEntries(
      counted.map(({ metric, value }) => [`${metric['op']} ${metric['outcome']}`, value]),
    );
    expect(byOutcome).toMatchObject({
      'assign success': expect.any(Number),
      'assign invalid_request': 2,
      'assign too_large': 1,
      'release success': 1,
    });
    const [all] = await query(`sum(game_relay_request_duration_seconds_count{op="assign",instance="${relays[0]}"})`);
    expect(all?.value).toBe(GAMES + 3);
    const [batched] = await query(`game_relay_batch_size_sum{instance="${relays[0]}"}`);
    expect(batched?.value).toBeGreaterThanOrEqual(GAMES + 1);
  }, PATIENT);
});

it('measures each stage where it is: the function in a relay before it, each system in one that asks them itself', async () => {
  const measured = async (relay: string | undefined) => {
    const counts = await query(`game_relay_stage_duration_seconds_count{instance="${relay}"} > 0`);
    return counts.map(({ metric }) => metric['stage']).toSorted();
  };
  await vi.waitFor(async () => {
    expect(await measured(relays[0])).toEqual(['call', 'queue']);
    expect(await measured(relays[1])).toEqual(['call', 'consul', 'prometheus', 'queue', 'redis']);
  }, PATIENT);
});

it('has closed label sets: nothing of a request, and of each label only what is in the table', async () => {
  const all = await series();
  const table = new Map<string, RelayMetric>();
  for (const metric of Object.values<RelayMetric>(RELAY_METRICS)) {
    for (const name of seriesNames(metric)) table.set(name, metric);
  }

  const own = all.filter(({ __name__ }) => __name__?.startsWith('game_relay_'));
  expect(own.length).toBeGreaterThan(100);
  for (const { __name__: name = '', job: _, instance, le, ...labels } of own) {
    const metric = table.get(name);
    expect([name, Object.keys(labels).toSorted()]).toEqual([name, Object.keys(metric?.labels ?? {}).toSorted()]);
    expect(relays).toContain(instance);
    if (name === RELAY_METRICS.buildInfo.name) expect(labels['version']).toBe(packageJson.version);
    else for (const [label, value] of Object.entries(labels)) expect(metric?.labels[label], name).toContain(value);
    // Prometheus 3 writes 10 as 10.0.
    if (le !== undefined) expect([Number.POSITIVE_INFINITY, ...(metric?.bounds ?? [])], name).toContain(toNumber(le));
  }
  const text = JSON.stringify(all);
  expect(games.filter((gameId) => text.includes(gameId))).toEqual([]);
  // What Prometheus keeps of one relay, however many ask it whatever.
  expect(all.filter(({ instance }) => instance === relays[0]).length).toBeLessThan(600);
});

it('gives every panel of the dashboards something to show', async () => {
  const values = { __rate_interval: '1m', job: JOB, instance: '.*', service: 'game-service', label: 'instance' };
  const expressions = Object.values(DASHBOARDS).flatMap(({ rows }) =>
    rows.flatMap(({ panels }) => panels.flatMap(({ queries }) => Object.values(queries))),
  );

  await vi.waitFor(async () => {
    await ask(nats, 'game.assign.request', { game_id: newGames(1)[0] });
    const empty: string[] = [];
    for (const expression of expressions) {
      if ((await query(withoutVariables(expression, values))).length === 0) empty.push(expression);
    }
    expect(empty).toEqual([]);
  }, PATIENT);
});

it('can compute every alert, and rings none about a relay while all is well', async () => {
  interface Group {
    readonly name: string;
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }
  const file = join(PROJECT_ROOT, 'deploy', 'alerts', 'game-allocator.rules.yml');
  const { groups }: { groups: readonly Group[] } = parse(await readFile(file, 'utf8'));

  for (const { name, rules } of groups) {
    for (const { alert, expr } of rules) {
      const ringing = await query(expr);
      // How quickly the others are answered is a matter of how crowded this machine is.
      if (name === 'game-allocator-relay') expect([alert, ringing]).toEqual([alert, []]);
    }
  }
});
