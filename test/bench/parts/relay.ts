import type { Bench } from '../bench.ts';
import { startLoad } from '../load.ts';
import { openRedisStats } from '../redis-stats.ts';
import { short, withSpread } from '../report.ts';
import { median, ratios, shuffled } from '../statistics.ts';
import { startProduct, startVariant } from '../variant.ts';
import { percentileMs, pooled, type Visit, visit } from '../visit.ts';
import type { World } from '../world.ts';

const CONCURRENCY = 64;
const INSTANCES = 30;
/** What a network adds to each POST. */
const DELAY_MS = 10;
const WARM_UP_S = 3;
/** Patient callers: a relay that is too slow for half a second would answer most of them with nothing but its deadline. */
const TIMEOUT_MS = 1900;

/** (c) The relay beside one that sends a POST for each message; both before the same functions. */
export async function runRelay(bench: Bench, world: World): Promise<void> {
  const { pace, report, progress, started } = bench;
  progress('starting the two relays, on loopback and over a delay');
  const near = await startProduct(bench, world, INSTANCES);
  const far = await startProduct(bench, world, INSTANCES, { delayMs: DELAY_MS });
  const variants = [
    await startVariant(bench, world, 'product', near),
    await startVariant(bench, world, 'unbatched', near, { relay: 'unbatched' }),
    await startVariant(bench, world, 'product_10ms', far),
    await startVariant(bench, world, 'unbatched_10ms', far, { relay: 'unbatched' }),
  ];
  const load = await started(startLoad(world.nats.url));
  const redis = openRedisStats(world.redis.url);
  const visits = new Map<string, Visit[]>(variants.map(({ name }) => [name, []]));
  try {
    for (const { subject } of variants) {
      await load.closed({ subject, concurrency: CONCURRENCY, windowS: WARM_UP_S, leadInS: 0, timeoutMs: TIMEOUT_MS });
    }
    for (let round = 0; round < pace.relayRounds; round += 1) {
      progress(`relay: round ${round + 1} of ${pace.relayRounds}`);
      for (const variant of shuffled(variants)) {
        const options = { concurrency: CONCURRENCY, windowS: pace.windowS, timeoutMs: TIMEOUT_MS };
        visits.get(variant.name)?.push(await visit(load, redis, variant, options));
      }
    }
  } finally {
    redis.close();
    await load.stop();
    await Promise.all(variants.map((variant) => variant.stop()));
  }
  tell(report, visits);
}

function tell(report: Bench['report'], visits: ReadonlyMap<string, readonly Visit[]>): void {
  const of = (name: string, value: (visit: Visit) => number) => (visits.get(name) ?? []).map(value);
  const over = (suffix: string, value: (visit: Visit) => number) =>
    ratios(of(`product${suffix}`, value), of(`unbatched${suffix}`, value));
  const rps = (visit: Visit) => visit.rps;
  const cpu = (visit: Visit) => visit.relayCpuUs;
  const named = [
    ['throughput_over_unbatched_c64', over('', rps)],
    ['throughput_over_unbatched_c64_10ms', over('_10ms', rps)],
    ['relay_cpu_over_unbatched_c64', over('', cpu)],
    ['relay_cpu_over_unbatched_c64_10ms', over('_10ms', cpu)],
  ] as const;
  for (const [name, values] of named) report.ratio(name, values);
  report.table(
    'The relay, 64 concurrent, 30 instances',
    ['relay', 'p50', 'p95', 'p99', 'a second', 'CPU us a message', 'messages a call', 'over 450', 'failed'],
    [...visits].map(([name, made]) => {
      const point = pooled(made);
      return [
        name,
        ...[50, 95, 99].map((percentile) => short(percentileMs(point, percentile))),
        short(point.rps),
        short(median(made.map(cpu))),
        short(1 / median(made.map(({ invocations }) => invocations))),
        String(point.over450),
        Object.entries(point.failed)
          .map(([code, count]) => `${count} ${code}`)
          .join(', '),
      ];
    }),
  );
  report.table(
    'The relay over one POST for each message, median (least-most)',
    ['figure', 'median (spread)', 'rounds'],
    named.map(([name, values]) => [name, withSpread(values), String(values.length)]),
  );
}
