import { createHash } from 'node:crypto';

/**
 * One instance's page as cAdvisor writes it: the game container, and the machine itself (`id="/"`, which has no
 * container label and would be counted too by a query that forgets to ask for the label).
 */
export function metricsPage(name: string, cpuSeconds: number, memoryBytes: number): string {
  const hash = createHash('sha256').update(name).digest('hex');
  const container = [
    'container_label_com_docker_compose_service="game-service"',
    `id="/docker/${hash}"`,
    'image="game-service:latest"',
    `name="${name}"`,
  ].join(',');
  return `# HELP container_cpu_usage_seconds_total Cumulative cpu time consumed in seconds.
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{cpu="total",id="/"} ${cpuSeconds * 1.2}
container_cpu_usage_seconds_total{cpu="total",${container}} ${cpuSeconds}
# HELP container_memory_usage_bytes Current memory usage in bytes, including all memory regardless of when it was accessed
# TYPE container_memory_usage_bytes gauge
container_memory_usage_bytes{id="/"} ${Math.round(memoryBytes * 1.2)}
container_memory_usage_bytes{${container}} ${Math.round(memoryBytes)}
`;
}
