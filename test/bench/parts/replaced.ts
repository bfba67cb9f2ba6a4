import type { Bench } from '../bench.ts';
import { fleetOf } from '../fleets.ts';
import { startLoad } from '../load.ts';
import { openRedisStats } from '../redis-stats.ts';
import { createReplacedModel } from '../replaced-model.ts';
import { short, withSpread } from '../report.ts';
import { median, ratios, shuffled } from '../statistics.ts';
import { startProduct, startVariant } from '../variant.ts';
import { visit } from '../visit.ts';
import type { World } from '../world.ts';

const SIZES = [30, 300] as const;
const CONCURRENCY = 64;
const WARM_UP_S = 3;
/** One allocation of the model takes a third of a second with 300 instances. */
const MODEL_WINDOW_S = 3;

/** (d) A model of the replaced service, on a Prometheus with nothing but its own fleet, beside this one. */
export async function runReplaced(bench: Bench, world: World): Promise<void> {
  const { pace, report, progress, started } = bench;
  progress('starting the model of the replaced service');
  const load = await started(startLoad(world.nats.url));
  const redis = openRedisStats(world.redis.url);
  const pairs = await Promise.all(
    SIZES.map(async (size) => {
      const prometheus = await world.ownPrometheus(size);
      const model = createReplacedModel(world.consul.url, prometheus.url, fleetOf(size));
      const variant = await startVariant(bench, world, `n${size}`, await startProduct(bench, world, size));
      return { size, prometheus, model, variant, modelRps: [] as number[], rps: [] as number[] };
    }),
  );
  const visits = pairs.flatMap(({ model, variant, modelRps, rps }) => [
    async () => void modelRps.push(await model.run(MODEL_WINDOW_S)),
    async () => {
      const made = await visit(load, redis, variant, { concurrency: CONCURRENCY, windowS: pace.windowS });
      rps.push(made.rps);
    },
  ]);
  try {
    for (const { variant, model } of pairs) {
      await load.closed({ subject: variant.subject, concurrency: CONCURRENCY, windowS: WARM_UP_S, leadInS: 0 });
      await model.run(1);
    }
    for (let round = 0; round < pace.replacedRounds; round += 1) {
      progress(`replaced: round ${round + 1} of ${pace.replacedRounds}`);
      for (const make of shuffled(visits)) await make();
    }
  } finally {
    redis.close();
    await load.stop();
    await Promise.all(
      pairs.flatMap(({ model, variant, prometheus }) => [model, variant, prometheus].map((it) => it.stop())),
    );
  }

  for (const { size, rps, modelRps } of pairs) {
    report.ratio(`throughput_over_replaced_n${size}`, ratios(rps, modelRps));
    report.figure(`replaced_rps_n${size}`, median(modelRps));
  }
  report.table(
    'Against a model of the replaced service, allocations a second',
    ['instances', 'model', 'this, 64 concurrent', 'ratio (spread)'],
    pairs.map(({ size, rps, modelRps }) => [
      String(size),
      short(median(modelRps)),
      short(median(rps)),
      withSpread(ratios(rps, modelRps)),
    ]),
  );
}
