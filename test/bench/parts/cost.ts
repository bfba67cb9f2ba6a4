import type { Bench } from '../bench.ts';
import { fleetOf } from '../fleets.ts';
import { startLoad } from '../load.ts';
import { dollarsPerMillion, MEMORY_MB, NETWORK_MS, PRICES } from '../prices.ts';
import { type CommandStats, commandsBetween, openRedisStats, type RedisStats } from '../redis-stats.ts';
import { short } from '../report.ts';
import { startProduct, startVariant, type Variant } from '../variant.ts';
import type { World } from '../world.ts';

const INSTANCES = 30;
const RATES = [1, 100, 1000] as const;
/** How long a view is fresh, s: the default of FLEET_FRESH_MS. */
const VIEW_S = 2;
const WARM_UP_S = 3;

/** What has been asked of everybody since the start. */
interface Counts {
  readonly invocations: number;
  readonly busyMs: number;
  readonly commands: CommandStats;
  readonly consul: number;
  readonly prometheus: number;
}

interface Row {
  readonly rate: number;
  /** For each allocation. */
  readonly invocations: number;
  readonly commands: number;
  readonly consul: number;
  readonly prometheus: number;
  readonly msPerInvocation: number;
  /** For each environment and life of a view. */
  readonly consulPerView: number;
  readonly prometheusPerView: number;
}

/** (f) What a steady rate of allocations asks of Lambda, Redis, Consul and Prometheus, and what that costs. */
export async function runCost(bench: Bench, world: World): Promise<void> {
  const { pace, report, progress, started } = bench;
  const variant = await startVariant(bench, world, 'cost', await startProduct(bench, world, INSTANCES));
  const load = await started(startLoad(world.nats.url));
  const redis = openRedisStats(world.redis.url);
  const rows: Row[] = [];
  try {
    await load.closed({ subject: variant.subject, concurrency: 64, windowS: WARM_UP_S, leadInS: 0 });
    for (const [index, rate] of RATES.entries()) {
      const windowS = pace.costS[index] ?? 10;
      progress(`cost: ${rate} allocations a second for ${windowS} s`);
      const before = await countAll(world, variant, redis);
      const { succeeded } = await load.open({ subject: variant.subject, rate, windowS });
      const after = await countAll(world, variant, redis);
      const { pids } = await variant.functions.status();
      rows.push(rowOf(rate, windowS, succeeded, pids['batch']?.length ?? 0, before, after));
    }
  } finally {
    redis.close();
    await load.stop();
    await variant.stop();
  }
  tell(report, rows);
}

async function countAll(world: World, { functions }: Variant, redis: RedisStats): Promise<Counts> {
  const [status, commands, consul, prometheus] = await Promise.all([
    functions.status(),
    redis.read(),
    metric(
      `${world.consul.url}/v1/agent/metrics?format=prometheus`,
      new RegExp(`^consul_health_service_query\\{service="${fleetOf(INSTANCES).service}"\\} (\\S+)$`, 'm'),
    ),
    metric(
      `${world.prometheus.url}/metrics`,
      /^prometheus_http_requests_total\{code="200",handler="\/api\/v1\/query"\} (\S+)$/m,
    ),
  ]);
  const { invocations = 0, busyMs = 0 } = status.counters['batch'] ?? {};
  return { invocations, busyMs, commands, consul, prometheus };
}

/** The value that the first group of `line` finds, 0 where it is not there yet. */
async function metric(url: string, line: RegExp): Promise<number> {
  const text = await (await fetch(url)).text();
  return Number(line.exec(text)?.[1] ?? 0);
}

function rowOf(
  rate: number,
  windowS: number,
  allocations: number,
  environments: number,
  before: Counts,
  after: Counts,
): Row {
  const grown = (key: 'invocations' | 'busyMs' | 'consul' | 'prometheus') => after[key] - before[key];
  // One request after another only ever meets one environment, the one that was used last.
  const used = rate === 1 ? 1 : environments;
  const views = used * (windowS / VIEW_S);
  return {
    rate,
    invocations: grown('invocations') / allocations,
    commands: commandsBetween(before.commands, after.commands) / allocations,
    consul: grown('consul') / allocations,
    prometheus: grown('prometheus') / allocations,
    msPerInvocation: grown('busyMs') / grown('invocations'),
    consulPerView: grown('consul') / views,
    prometheusPerView: grown('prometheus') / views,
  };
}

function tell(report: Bench['report'], rows: readonly Row[]): void {
  for (const row of rows) {
    const at = `at_${row.rate}`;
    report.figure(`invocations_per_1000_${at}`, row.invocations * 1000);
    report.figure(`redis_commands_per_1000_${at}`, row.commands * 1000);
    report.figure(`consul_calls_per_1000_${at}`, row.consul * 1000);
    report.figure(`prometheus_calls_per_1000_${at}`, row.prometheus * 1000);
    report.figure(`consul_calls_per_view_${at}`, row.consulPerView);
    report.figure(`prometheus_calls_per_view_${at}`, row.prometheusPerView);
    report.figure(`ms_per_invocation_${at}`, row.msPerInvocation);
    const dollars = dollarsPerMillion(row);
    report.figure(`usd_per_million_lambda_${at}`, dollars.requests + dollars.duration);
    report.figure(`usd_per_million_redis_${at}`, dollars.redis);
    report.figure(`usd_per_million_${at}`, dollars.total);
  }
  report.table(
    'Calls for 1,000 allocations, 30 instances',
    [
      'a second',
      'invocations',
      'ms each',
      'Redis commands',
      'Consul',
      'Prometheus',
      'a view: Consul',
      'Prometheus',
      'USD a million',
    ],
    rows.map((row) => [
      String(row.rate),
      ...[row.invocations * 1000, row.msPerInvocation, row.commands * 1000].map(short),
      ...[row.consul * 1000, row.prometheus * 1000, row.consulPerView, row.prometheusPerView].map(short),
      dollarsPerMillion(row).total.toFixed(2),
    ]),
  );
  report.table(
    `Prices (${MEMORY_MB} MB; ${NETWORK_MS} ms of network assumed in each invocation)`,
    ['what', 'USD', 'per', 'source', 'date'],
    Object.values(PRICES).map(({ what, usd, per, source, date }) => [what, String(usd), per, source, date]),
  );
}
