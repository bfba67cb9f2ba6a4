import { createMetricsPage } from '../../lib/adapters/prom/metrics-page.ts';
import { readMetrics } from '../../lib/relay/read-metrics.ts';
import { createRelayMeter } from '../../lib/relay/relay-meter.ts';
import { RELAY_METRICS, type RelayMetric } from '../../lib/relay/relay-metrics.ts';

/** What cAdvisor calls those that the allocator reads, and what Prometheus adds by itself. */
const OTHERS = ['container_cpu_usage_seconds_total', 'container_memory_usage_bytes', 'up'];

/** Every name that a documented metric has in Prometheus: a histogram has three. */
export function seriesNames({ name, type }: RelayMetric): readonly string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

/** All names that an expression may use: the relay's own, those of its process, and OTHERS. */
export async function knownMetrics(): Promise<ReadonlySet<string>> {
  const own = Object.values<RelayMetric>(RELAY_METRICS).flatMap(seriesNames);
  const text = await createMetricsPage(
    () =>
      readMetrics({
        relay: {
          inFlight: () => 0,
          stats: () => ({ received: 0, failed: {}, late: 0, unsent: 0, overloaded: 0, rateLimited: 0 }),
          countsByOp: () => [],
        },
        calls: () => ({
          ...{ calls: 0, hedged: 0, hedgesWon: 0, retried: 0, warmCalls: 0, attempts: {} },
          failures: { refused: 0, connect: 0, reset: 0, timeout: 0, status: 0, invalid_body: 0 },
        }),
        meter: createRelayMeter(),
        connected: () => true,
        ready: () => true,
        repliesLost: () => 0,
        version: '0.0.0',
      }),
    Date.now,
  ).text();
  const process = [...text.matchAll(/^# TYPE ((?:process|nodejs)_\S+) (?!histogram)/gm)].map(([, name]) => name ?? '');
  return new Set([...own, ...process, ...OTHERS]);
}
