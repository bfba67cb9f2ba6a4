import type { Bench } from '../bench.ts';
import { FLEET_SIZES } from '../fleets.ts';
import { startLoad } from '../load.ts';
import { openRedisStats } from '../redis-stats.ts';
import { short, withSpread } from '../report.ts';
import { median, ratios, shuffled } from '../statistics.ts';
import { startFloor, startProduct, startVariant, type Variant } from '../variant.ts';
import { percentileMs, pooled, type Visit, visit } from '../visit.ts';
import type { World } from '../world.ts';

const CONCURRENCIES = [1, 16, 64, 256] as const;
type Concurrency = (typeof CONCURRENCIES)[number];

const FLOOR = 'floor';
/** A reply over 450 ms counts as one too many with fleets up to this size. */
const LATE_UP_TO = 300;

type Visits = Map<string, Visit[]>;

/** (a) and (b): over NATS through the built bundle, beside the floor. */
export async function runEndToEnd(bench: Bench, world: World): Promise<void> {
  await run(bench, world, FLEET_SIZES);
}

/** (b) alone. */
export async function runFloor(bench: Bench, world: World): Promise<void> {
  await run(bench, world, []);
}

async function run(bench: Bench, world: World, sizes: readonly number[]): Promise<void> {
  const { pace, report, progress, started } = bench;
  progress(`starting the variants: floor ${sizes.map(nameOf).join(' ')}`);
  const variants = [await startVariant(bench, world, FLOOR, await startFloor(bench, world))];
  for (const size of sizes) {
    variants.push(await startVariant(bench, world, nameOf(size), await startProduct(bench, world, size)));
  }
  const load = await started(startLoad(world.nats.url));
  const redis = openRedisStats(world.redis.url);
  const visits: Visits = new Map();
  try {
    progress('warming up');
    // Long enough for the just-in-time compiler of each process. Large batches are few calls, and single calls do other
    // things: measured alone, the first 6,000 of them take up to twice as long as those that follow.
    for (const { subject } of variants) {
      for (const concurrency of [1, 64] as const) {
        await load.closed({ subject, concurrency, windowS: pace.warmUpS[concurrency], leadInS: 0 });
      }
    }
    for (const concurrency of inRounds(pace.rounds)) {
      progress(`end to end: a round at ${concurrency} concurrent`);
      for (const variant of shuffled(variants)) {
        const made = await visit(load, redis, variant, { concurrency, windowS: pace.windowS });
        const key = keyOf(variant.name, concurrency);
        visits.set(key, [...(visits.get(key) ?? []), made]);
      }
    }
  } finally {
    redis.close();
    await load.stop();
    await Promise.all(variants.map((variant) => variant.stop()));
  }
  tellPoints(report, variants, visits);
  tellRatios(report, visits);
}

/** Every concurrency as often as it has rounds, in random order: what drifts over minutes meets all of them. */
function inRounds(rounds: Readonly<Record<Concurrency, number>>): Concurrency[] {
  return shuffled(
    CONCURRENCIES.flatMap((concurrency) => new Array<Concurrency>(rounds[concurrency]).fill(concurrency)),
  );
}

function nameOf(size: number): string {
  return `n${size}`;
}

function keyOf(name: string, concurrency: number): string {
  return `c${concurrency}_${name}`;
}

function tellPoints(report: Bench['report'], variants: readonly Variant[], visits: Visits): void {
  let late = 0;
  const rows = CONCURRENCIES.flatMap((concurrency) =>
    variants.map(({ name }) => {
      const key = keyOf(name, concurrency);
      const point = pooled(visits.get(key) ?? []);
      const [p50, p95, p99, max] = [50, 95, 99, 100].map((percentile) => percentileMs(point, percentile));
      report.figure(`p50_ms_${key}`, p50 ?? Number.NaN);
      report.figure(`p99_ms_${key}`, p99 ?? Number.NaN);
      report.figure(`rps_${key}`, point.rps);
      if (Number(name.slice(1)) <= LATE_UP_TO) late += point.over450 + point.lost;
      const failures = Object.entries(point.failed).map(([code, count]) => `${count} ${code}`);
      const numbers = [p50, p95, p99, max].map((ms) => short(ms ?? Number.NaN));
      return [
        ...[String(concurrency), name, ...numbers, short(point.rps), String(point.replies)],
        ...[String(point.over450), [...failures, ...(point.lost > 0 ? [`${point.lost} lost`] : [])].join(', ')],
      ];
    }),
  );
  if (variants.length > 1) report.figure('replies_over_450ms', late);
  report.table(
    'End to end over NATS, ms',
    ['concurrent', 'fleet', 'p50', 'p95', 'p99', 'max', 'a second', 'replies', 'over 450', 'failed'],
    rows,
  );
}

function tellRatios(report: Bench['report'], visits: Visits): void {
  const of = <T>(key: string, value: (visit: Visit) => T) => (visits.get(key) ?? []).map(value);
  const p50 = (key: string) => of(key, ({ p50Ms }) => p50Ms);
  const rps = (key: string) => of(key, (made) => made.rps);
  const named = [
    ['p50_over_floor_c1_n30', ratios(p50('c1_n30'), p50('c1_floor'))],
    ['p50_n3000_over_n30_c1', ratios(p50('c1_n3000'), p50('c1_n30'))],
    ['rps_n3000_over_n30_c64', ratios(rps('c64_n3000'), rps('c64_n30'))],
  ] as const;
  if (!visits.has('c1_n30')) return;
  for (const [name, values] of named) report.ratio(name, values);
  const perAllocation = [
    ['invocations_per_allocation_c64', of('c64_n30', ({ invocations }) => invocations)],
    ['redis_commands_per_allocation_c64', of('c64_n30', ({ commands }) => commands)],
  ] as const;
  for (const [name, values] of perAllocation) report.ratio(name, values);
  report.table(
    'Ratios of the rounds, median (least-most)',
    ['figure', 'median (spread)', 'rounds'],
    [...named, ...perAllocation].map(([name, values]) => [name, withSpread(values), String(values.length)]),
  );
  const cpu = of('c64_n30', ({ relayCpuUs }) => relayCpuUs);
  report.note(`CPU of the relay at 64 concurrent with 30 instances: ${short(median(cpu))} us a message.`);
}
