import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { collectHeaps, growthMibPerMin, type HeapReading, readHeaps, watchedEnv } from '../heaps.ts';
import { createHistogram, type Load, startLoad, type Tally } from '../load.ts';
import { short } from '../report.ts';
import { startFloor, startProduct, startVariant, type Variant } from '../variant.ts';
import { percentileMs } from '../visit.ts';
import type { World } from '../world.ts';

const INSTANCES = 30;
const WARM_UP_S = 5;
const CAPACITY_PROBE_S = 5;
const HEAP_READINGS = 10;
const MOST_HEAP_TIME_S = 300;

/** (g) A long run at half of what the service can, sent on time whatever is answered, between two halves of the floor. */
export async function runSteady(bench: Bench, world: World): Promise<void> {
  const { pace, report, progress, started } = bench;
  const heapLog = join(tmpdir(), `bench-heaps-${process.pid}.log`);
  await started(Promise.resolve({ stop: () => rm(heapLog, { force: true }) }));
  await writeFile(heapLog, '');
  const watched = watchedEnv(heapLog);
  const floor = await startVariant(bench, world, 'steady_floor', await startFloor(bench, world));
  const functions = await startProduct(bench, world, { ...world.functionEnv(INSTANCES), ...watched });
  const product = await startVariant(bench, world, 'steady', functions, { relayEnv: watched });
  const load = await started(startLoad(world.nats.url));
  try {
    for (const { subject } of [floor, product]) {
      await load.closed({ subject, concurrency: 64, windowS: WARM_UP_S, leadInS: 0 });
    }
    const capacity = await capacityOf(report.figures, load, product);
    const rate = Math.max(1, Math.round(capacity / 2));
    const half = { subject: floor.subject, rate, windowS: pace.steadyFloorS / 2 };
    progress(`steady: the floor at ${rate} a second for ${half.windowS} s`);
    const before = await load.open(half);
    progress(`steady: ${rate} a second for ${pace.steadyS} s`);
    const heaps = watchHeaps(product, pace.steadyS, heapLog);
    const steady = await load.open({ subject: product.subject, rate, windowS: pace.steadyS });
    const readings = await heaps;
    progress(`steady: the floor again for ${half.windowS} s`);
    const after = await load.open(half);
    tell(report, rate, steady, [before, after], readings);
  } finally {
    await load.stop();
    await Promise.all([floor.stop(), product.stop()]);
  }
}

/** What part end-to-end measured, or a short look where it did not run. */
async function capacityOf(
  figures: Readonly<Record<string, number>>,
  load: Load,
  { subject }: Variant,
): Promise<number> {
  const known = Math.max(figures['rps_c64_n30'] ?? 0, figures['rps_c256_n30'] ?? 0);
  if (known > 0) return known;
  const { succeeded, seconds } = await load.closed({ subject, concurrency: 64, windowS: CAPACITY_PROBE_S, leadInS: 1 });
  return succeeded / seconds;
}

/** Readings spread over the end of the run: its last five minutes, or its last half. */
async function watchHeaps({ relay, functions }: Variant, runS: number, logFile: string): Promise<HeapReading[]> {
  const timeS = Math.min(MOST_HEAP_TIME_S, runS / 2);
  await sleep((runS - timeS) * 1000);
  for (let reading = 0; reading < HEAP_READINGS; reading += 1) {
    const nextAt = sleep((timeS * 1000) / HEAP_READINGS);
    const { pids } = await functions.status();
    await collectHeaps([relay.pid, ...(pids['batch'] ?? [])]);
    await nextAt;
  }
  return readHeaps(logFile);
}

function tell(
  report: Bench['report'],
  rate: number,
  steady: Tally,
  floors: readonly Tally[],
  readings: readonly HeapReading[],
): void {
  const floor = createHistogram();
  for (const { histogram } of floors) floor.add(histogram);
  const p99 = percentileMs(steady, 99);
  const ratiosOfHalves = floors.map((half) => p99 / percentileMs(half, 99));
  report.figure('steady_rate', rate);
  report.figure('steady_seconds', steady.seconds);
  report.figure('steady_sent', steady.sent);
  report.figure('steady_lost', steady.lost);
  report.figure(
    'steady_failed',
    Object.values(steady.failed).reduce((sum, count) => sum + count, 0),
  );
  report.figure('steady_over_450ms', steady.over450);
  report.figure('steady_p50_ms', percentileMs(steady, 50));
  report.figure('steady_p99_ms', p99);
  report.figure('steady_p99_over_floor_p99', p99 / percentileMs({ histogram: floor }, 99));
  report.figure('steady_p99_over_floor_p99_min', Math.min(...ratiosOfHalves));
  report.figure('steady_p99_over_floor_p99_max', Math.max(...ratiosOfHalves));
  report.figure('steady_heap_mib_per_min', growthMibPerMin(readings));
  const row = (name: string, tally: Tally) => [
    name,
    ...[50, 95, 99, 99.9, 100].map((percentile) => short(percentileMs(tally, percentile))),
    ...[tally.sent, tally.lost, tally.over450].map(String),
    Object.entries(tally.failed)
      .map(([code, count]) => `${count} ${code}`)
      .join(', '),
  ];
  report.table(
    `Sent on time, ${rate} a second, ms`,
    ['run', 'p50', 'p95', 'p99', 'p99.9', 'max', 'sent', 'lost', 'over 450', 'failed'],
    [
      row(`${steady.seconds} s`, steady),
      ...floors.map((tally, index) => row(`floor ${index === 0 ? 'before' : 'after'}`, tally)),
    ],
  );
  report.note(
    `Heaps after collection: ${short(growthMibPerMin(readings))} MiB a minute in all, of the relay and the environments.`,
  );
}
