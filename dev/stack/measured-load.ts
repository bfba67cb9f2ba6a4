import { createPrometheusMetrics } from '../../lib/adapters/prometheus/metrics.ts';
import { fillTemplate, fleetQuery } from '../../lib/adapters/prometheus/query.ts';
import { readFunctionConfig } from '../../lib/config/function-config.ts';
import type { Sample } from '../../lib/domain/fleet.ts';

export type MeasuredLoad = () => Promise<ReadonlyMap<string, Sample>>;

/**
 * Asks Prometheus as a function with this environment does: the same query, the same reading of its answer. Gives
 * the instances of which all three values are there, by address.
 */
export function createMeasuredLoad(functionEnv: Readonly<Record<string, string>>): MeasuredLoad {
  const { services, prometheus, placement } = readFunctionConfig(functionEnv).allocator;
  if (prometheus === undefined) throw new Error('PROMETHEUS_URL is off');
  const values = { service: services[0].name, label: prometheus.label, windowS: placement.cpuWindowS };
  const { cpu, memory, time } = prometheus.templates;
  const metrics = createPrometheusMetrics({
    baseUrl: prometheus.baseUrl,
    label: prometheus.label,
    token: () => undefined,
    log: SILENT,
    query: fleetQuery({
      cpu: fillTemplate(cpu, values),
      memory: fillTemplate(memory, values),
      time: fillTemplate(time, values),
    }),
  });
  return async () => (await metrics.load(AbortSignal.timeout(5000))).samples;
}

const SILENT = { debug: () => {}, info: () => {}, warning: () => {}, error: () => {} };
