import type { Histogram } from 'hdr-histogram-js';
import { createHistogram, type Load, type Tally } from './load.ts';
import { cpuUsOf } from './process-cpu.ts';
import { commandsBetween, type RedisStats } from './redis-stats.ts';
import type { Variant } from './variant.ts';

/** One window at a variant, and what it cost. */
export interface Visit {
  readonly tally: Tally;
  readonly rps: number;
  /** Undefined where many failed: a failure may be quicker than any success. */
  readonly p50Ms: number | undefined;
  /** For each request, those of the lead-in included. */
  readonly invocations: number;
  readonly commands: number;
  readonly relayCpuUs: number;
}

export interface VisitOptions {
  readonly concurrency: number;
  readonly windowS: number;
  readonly timeoutMs?: number;
}

const LEAD_IN_S = 0.3;
const MOST_FAILED = 0.01;

export async function visit(load: Load, redis: RedisStats, variant: Variant, options: VisitOptions): Promise<Visit> {
  const before = await counts(variant, redis);
  const tally = await load.closed({ ...options, subject: variant.subject, leadInS: LEAD_IN_S });
  const after = await counts(variant, redis);
  const isSound = tally.succeeded >= tally.histogram.totalCount * (1 - MOST_FAILED);
  return {
    tally,
    rps: tally.succeeded / tally.seconds,
    p50Ms: isSound ? tally.histogram.getValueAtPercentile(50) / 1000 : undefined,
    invocations: (after.invocations - before.invocations) / tally.sent,
    commands: commandsBetween(before.commands, after.commands) / tally.sent,
    relayCpuUs: (after.relayCpuUs - before.relayCpuUs) / tally.sent,
  };
}

async function counts({ functions, relay }: Variant, redis: RedisStats) {
  const [status, commands, relayCpuUs] = await Promise.all([functions.status(), redis.read(), cpuUsOf(relay.pid)]);
  return { invocations: status.counters['batch']?.invocations ?? 0, commands, relayCpuUs };
}

/** Windows at the same point as one. */
export interface Point {
  readonly histogram: Histogram;
  /** Successes a second, over all windows. */
  readonly rps: number;
  readonly replies: number;
  readonly over450: number;
  readonly lost: number;
  readonly failed: Readonly<Record<string, number>>;
}

export function pooled(visits: readonly Visit[]): Point {
  const histogram = createHistogram();
  const failed: Record<string, number> = {};
  let [succeeded, seconds, sent, over450, lost] = [0, 0, 0, 0, 0];
  for (const { tally } of visits) {
    histogram.add(tally.histogram);
    succeeded += tally.succeeded;
    seconds += tally.seconds;
    sent += tally.sent;
    over450 += tally.over450;
    lost += tally.lost;
    for (const [code, count] of Object.entries(tally.failed)) failed[code] = (failed[code] ?? 0) + count;
  }
  return { histogram, rps: succeeded / seconds, replies: sent - lost, over450, lost, failed };
}

export function percentileMs({ histogram }: { readonly histogram: Histogram }, percentile: number): number {
  return histogram.getValueAtPercentile(percentile) / 1000;
}
