import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { startFakeSsm } from '../fake-ssm.ts';
import { startLoad } from '../load.ts';
import { openRedisStats } from '../redis-stats.ts';
import { short } from '../report.ts';
import { median } from '../statistics.ts';
import { startProduct, startVariant } from '../variant.ts';
import type { World } from '../world.ts';

const INSTANCES = 30;
const LIMIT_MS = 450;
const PAUSE_MS = 300;
const SSM_PATH = '/bench';

/**
 * The first request over NATS from a cold start of everything behind a running relay: no environment, no view, no
 * script in Redis. With secrets from SSM, as it is deployed, and with secrets from the environment.
 */
export async function runFirstRequests(bench: Bench, world: World): Promise<void> {
  const { pace, report, progress, started } = bench;
  const { UPSTASH_REDIS_REST_TOKEN = '', API_TOKENS = '', ...env } = world.functionEnv(INSTANCES);
  const ssm = await started(startFakeSsm(SSM_PATH, { UPSTASH_REDIS_REST_TOKEN, API_TOKENS }));
  // The product keeps one environment warm, which is what must not be here.
  const options = { relayEnv: { KEEP_WARM: '0' } };
  const cold = { provisioned: {} };
  const variants = [
    {
      name: 'cold_ssm',
      variant: await startVariant(
        bench,
        world,
        'cold_ssm',
        await startProduct(bench, world, { ...env, ...ssm.env }, cold),
        options,
      ),
      ms: [] as number[],
      inTime: 0,
    },
    {
      name: 'cold_env',
      variant: await startVariant(bench, world, 'cold_env', await startProduct(bench, world, INSTANCES, cold), options),
      ms: [] as number[],
      inTime: 0,
    },
  ];
  const load = await started(startLoad(world.nats.url));
  const redis = openRedisStats(world.redis.url);
  try {
    for (let attempt = 0; attempt < pace.coldRequests; attempt += 1) {
      progress(`cold: first request ${attempt + 1} of ${pace.coldRequests}`);
      for (const each of variants) {
        await each.variant.functions.server.restart();
        await redis.flushScripts();
        await sleep(PAUSE_MS);
        const { histogram, succeeded } = await load.open({ subject: each.variant.subject, rate: 1, windowS: 1 });
        const ms = histogram.maxValue / 1000;
        each.ms.push(ms);
        if (succeeded === 1 && ms <= LIMIT_MS) each.inTime += 1;
      }
    }
  } finally {
    redis.close();
    await load.stop();
    await Promise.all([ssm.stop(), ...variants.map(({ variant }) => variant.stop())]);
  }
  report.figure('cold_success_tries', pace.coldRequests);
  for (const { name, ms, inTime } of variants) {
    const suffix = name === 'cold_ssm' ? '' : '_without_ssm';
    report.figure(`cold_success_within_450ms${suffix}`, inTime);
    report.figure(`cold_slowest_ms${suffix}`, Math.max(...ms));
  }
  report.table(
    'First request over NATS with everything behind the relay cold, 30 instances',
    ['secrets', 'tries', 'success within 450 ms', 'median ms', 'slowest ms'],
    variants.map(({ name, ms, inTime }) => [
      name === 'cold_ssm' ? 'from SSM (on loopback)' : 'from the environment',
      ...[String(ms.length), String(inTime), short(median(ms)), short(Math.max(...ms))],
    ]),
  );
}
