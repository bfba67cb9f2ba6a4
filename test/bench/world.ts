import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startConsul } from '../../dev/servers/consul.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { startPrometheus } from '../../dev/servers/prometheus.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { createRunFolder } from '../../dev/servers/run-folder.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { createMeasuredLoad } from '../../dev/stack/measured-load.ts';
import { startNodeServer } from '../../dev/stack/node-server.ts';
import { startUpstash } from '../../dev/stack/start-parts.ts';
import type { Bench } from './bench.ts';
import { FLEET_SIZES, fleetOf, registerFleet } from './fleets.ts';

/** The servers that all variants share. */
export interface World {
  readonly nats: RunningServer;
  readonly redis: RunningServer;
  readonly consul: RunningServer;
  /** Holds the metrics of every fleet. */
  readonly prometheus: RunningServer;
  readonly token: string;
  /** What the functions need to serve the fleet of this size. */
  readonly functionEnv: (instances: number) => Readonly<Record<string, string>>;
  /** One more Prometheus, with the metrics of this fleet alone. */
  readonly ownPrometheus: (instances: number) => Promise<RunningServer>;
}

export const SCRAPE_INTERVAL_S = 5;
/** The first CPU rate needs two scrapes. */
const MEASURED_LIMIT_MS = 90_000;
const POLL_MS = 250;

/** Starts the servers with all fleets registered, and waits until Prometheus has measured each instance. */
export async function startWorld({ started, progress }: Bench): Promise<World> {
  progress('starting NATS, Redis, Consul, Prometheus, the REST front and the exporter');
  const folder = await createRunFolder('bench');
  await started(Promise.resolve({ stop: () => rm(folder, { recursive: true, force: true }) }));
  const [nats, redis, consul, exporter] = await Promise.all([
    started(startNats()),
    started(startRedis()),
    // Its counters are only to be had with a retention time.
    started(startConsul({ config: { telemetry: { prometheus_retention_time: '2h', disable_hostname: true } } })),
    started(startExporter()),
  ]);

  async function prometheusOf(sizes: readonly number[]): Promise<RunningServer> {
    const targetsFile = join(folder, `targets-${sizes.join('-')}.json`);
    const target = {
      targets: [`127.0.0.1:${exporter.port}`],
      labels: { __metrics_path__: `/metrics/${sizes.join()}` },
    };
    await writeFile(`${targetsFile}.new`, JSON.stringify([target]));
    await rename(`${targetsFile}.new`, targetsFile);
    return started(startPrometheus({ targetsFile, scrapeIntervalS: SCRAPE_INTERVAL_S, honorLabels: true }));
  }

  const token = randomBytes(24).toString('base64url');
  const [prometheus, upstash] = await Promise.all([
    prometheusOf(FLEET_SIZES),
    started(startUpstash(redis.url, token)),
    ...FLEET_SIZES.map((size) => registerFleet(consul.url, fleetOf(size))),
  ]);

  function functionEnv(instances: number, prometheusUrl = prometheus.url): Record<string, string> {
    return {
      GAME_SERVICE_NAME: fleetOf(instances).service,
      CONSUL_URL: consul.url,
      PROMETHEUS_URL: prometheusUrl,
      UPSTASH_REDIS_REST_URL: upstash.url,
      UPSTASH_REDIS_REST_TOKEN: token,
      API_TOKENS: token,
      SCRAPE_INTERVAL_S: String(SCRAPE_INTERVAL_S),
      LOG_FORMAT: 'json',
    };
  }

  progress('waiting until Prometheus has measured every instance');
  for (const size of FLEET_SIZES) await waitUntilMeasured(functionEnv(size), size);
  return {
    ...{ nats, redis, consul, prometheus, token, functionEnv },
    async ownPrometheus(instances) {
      const server = await prometheusOf([instances]);
      await waitUntilMeasured(functionEnv(instances, server.url), instances);
      return server;
    },
  };
}

function startExporter(): Promise<RunningServer> {
  return startNodeServer({
    name: 'exporter',
    script: 'test/bench/processes/exporter.ts',
    args: ([port]) => ['--port', `${port}`],
    readyPath: '/ready',
  });
}

async function waitUntilMeasured(env: Readonly<Record<string, string>>, instances: number): Promise<void> {
  const measuredLoad = createMeasuredLoad(env);
  const giveUpAtMs = performance.now() + MEASURED_LIMIT_MS;
  for (;;) {
    const measured = await measuredLoad().catch(() => new Map());
    if (measured.size === instances) return;
    if (performance.now() > giveUpAtMs) {
      throw new Error(`Prometheus has measured ${measured.size} of ${instances} instances.`);
    }
    await sleep(POLL_MS);
  }
}
