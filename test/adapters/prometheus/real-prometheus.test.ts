import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startPrometheus } from '../../../dev/servers/prometheus.ts';
import { createPrometheusMetrics } from '../../../lib/adapters/prometheus/metrics.ts';
import { fillTemplate, fleetQuery } from '../../../lib/adapters/prometheus/query.ts';
import { noLimit, startServer } from '../../support/http-server.ts';
import { recordedLog } from '../../support/recorded-log.ts';

const LONG_MS = 60_000;
const OURS = 'container_label_com_docker_compose_service="$service"';
const TEMPLATES = {
  cpu: `sum by ($label) (rate(container_cpu_usage_seconds_total{${OURS}}[$window]) or rate(container_cpu_usage_seconds_total{${OURS}}[1m]))`,
  memory: `sum by ($label) (container_memory_usage_bytes{${OURS}})`,
  time: `max by ($label) (timestamp(container_memory_usage_bytes{${OURS}}))`,
};

/** Containers by the instance label of their target: cores in use, bytes, and whether RAM is told at all. */
const TARGETS = [
  { instance: '10.0.0.1:8080', service: 'game-service', cores: 0.5, bytes: 1e9 },
  { instance: '10.0.0.10:8080', service: 'game-service', cores: 2, bytes: 2e9 },
  { instance: '[::1]:8080', service: 'game-service', cores: 1, bytes: 3e9 },
  { instance: '10.0.0.3:8080', service: 'game-service', cores: 1, bytes: undefined },
  { instance: '10.0.0.4:8080', service: 'game-service', cores: 1, bytes: Number.NaN },
  { instance: '10.0.0.5:8080', service: 'other-service', cores: 1, bytes: 1e9 },
];

it('reads CPU, RAM and time of the whole fleet from a real Prometheus, in one query', async () => {
  const prometheus = await startPrometheus({ targetsFile: await startExporter(), scrapeIntervalS: 0.5 });
  onTestFinished(() => prometheus.stop());
  const values = { service: 'game-service', label: 'instance', windowS: 3 };
  const [cpu, memory, time] = [TEMPLATES.cpu, TEMPLATES.memory, TEMPLATES.time].map((one) => fillTemplate(one, values));
  const metrics = createPrometheusMetrics({
    baseUrl: new URL(prometheus.url),
    token: () => undefined,
    query: fleetQuery({ cpu: cpu!, memory: memory!, time: time! }),
    label: 'instance',
    log: recordedLog(),
  });

  // A rate is too low until its window is full.
  const samples = await vi.waitFor(
    async () => {
      const report = await metrics.load(noLimit());
      expect(report.samples.get('10.0.0.1')?.cpuCores).toBeCloseTo(0.5, 1);
      expect(report.samples.get('10.0.0.10')?.cpuCores).toBeCloseTo(2, 1);
      return report.samples;
    },
    { timeout: LONG_MS, interval: 100 },
  );
  expect([...samples.keys()].sort()).toEqual(['10.0.0.1', '10.0.0.10', '::1']);
  expect(samples.get('10.0.0.1')?.memoryBytes).toBe(1e9);
  expect(samples.get('10.0.0.10')?.memoryBytes).toBe(2e9);
  for (const { atS } of samples.values()) expect(Math.abs(atS - Date.now() / 1000)).toBeLessThan(30);

  prometheus.signal('SIGSTOP');
  await expect(metrics.load(AbortSignal.timeout(200))).rejects.toMatchObject({ failure: 'timeout' });
  prometheus.signal('SIGCONT');
  await vi.waitFor(() => metrics.load(noLimit()), { timeout: LONG_MS });

  prometheus.signal('SIGKILL');
  await vi.waitFor(() => expect(metrics.load(noLimit())).rejects.toMatchObject({ failure: 'connect' }), {
    timeout: LONG_MS,
  });
});

it('tells a query that Prometheus cannot read from one that answers something else', async () => {
  const prometheus = await startPrometheus({ targetsFile: await startExporter() });
  onTestFinished(() => prometheus.stop());
  const options = { baseUrl: new URL(prometheus.url), token: () => undefined, label: 'instance', log: recordedLog() };

  const unreadable = createPrometheusMetrics({ ...options, query: 'sum by (' });
  const scalar = createPrometheusMetrics({ ...options, query: '7' });

  await expect(unreadable.load(noLimit())).rejects.toMatchObject({ failure: 'status', status: 400 });
  await expect(scalar.load(noLimit())).rejects.toMatchObject({ failure: 'invalid_body' });
});

/** Serves every target as cAdvisor would, and returns the file of targets. */
async function startExporter(): Promise<string> {
  const startedMs = performance.now();
  const server = await startServer((request, response) => {
    const target = TARGETS[Number(request.url?.slice(1))];
    if (target === undefined) return void response.writeHead(404).end();
    const labels = `container_label_com_docker_compose_service="${target.service}",name="game"`;
    const cpuSeconds = (target.cores * (performance.now() - startedMs)) / 1000;
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    response.write(
      `# TYPE container_cpu_usage_seconds_total counter\ncontainer_cpu_usage_seconds_total{${labels}} ${cpuSeconds}\n`,
    );
    if (target.bytes !== undefined) {
      response.write(
        `# TYPE container_memory_usage_bytes gauge\ncontainer_memory_usage_bytes{${labels}} ${target.bytes}\n`,
      );
    }
    response.end();
  });
  const folder = mkdtempSync(join(tmpdir(), 'targets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'targets.json');
  const targets = TARGETS.map(({ instance }, index) => ({
    targets: [server.url.host],
    labels: { instance, __metrics_path__: `/${index}` },
  }));
  writeFileSync(file, JSON.stringify(targets));
  return file;
}
