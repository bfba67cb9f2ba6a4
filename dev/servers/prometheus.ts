import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findServer } from '../find-server.mjs';
import type { RunningServer } from './running-server.ts';
import { startServer } from './start-server.ts';

export interface PrometheusOptions {
  /** File of scrape targets in Prometheus's file_sd JSON; may appear and change later (by rename), seen within 1 s. */
  readonly targetsFile: string;
  /** The same for relays, whose own /metrics is scraped. */
  readonly relayTargetsFile?: string;
  /** Seconds between scrapes, fractions allowed (0.5). Default 5. */
  readonly scrapeIntervalS?: number;
  /** Labels that a target writes itself, such as `instance`, win over Prometheus's own: one target for many. */
  readonly honorLabels?: boolean;
}

/** Starts Prometheus, which scrapes the targets of `targetsFile`; `url` is http://127.0.0.1:<port>. */
export function startPrometheus(options: PrometheusOptions): Promise<RunningServer> {
  const { targetsFile, relayTargetsFile, scrapeIntervalS = 5, honorLabels = false } = options;
  return startServer({
    name: 'prometheus',
    ...findServer('prometheus'),
    ports: 1,
    async prepare(folder, [port]) {
      const file = join(folder, 'prometheus.yml');
      const jobs = [scrape('cadvisor', targetsFile, honorLabels)];
      if (relayTargetsFile !== undefined) jobs.push(scrape('game-allocator-relay', relayTargetsFile, false));
      await writeFile(file, configuration(Math.round(scrapeIntervalS * 1000), jobs));
      return [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ];
    },
    url: (port) => `http://127.0.0.1:${port}`,
    answers: async (port, signal) => (await fetch(`http://127.0.0.1:${port}/-/ready`, { signal })).ok,
  });
}

function configuration(intervalMs: number, jobs: readonly string[]): string {
  return `global:
  scrape_interval: ${intervalMs}ms
  scrape_timeout: ${intervalMs}ms
  evaluation_interval: 1h
scrape_configs:
${jobs.join('')}`;
}

function scrape(job: string, targetsFile: string, honorLabels: boolean): string {
  return `  - job_name: ${job}
    honor_labels: ${honorLabels}
    file_sd_configs:
      - files: [${JSON.stringify(targetsFile)}]
        refresh_interval: 1s
`;
}
