import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECT_ROOT } from './find-server.mjs';
import type { FleetInstance, InstanceChange, Load } from './fleet/fleet-types.ts';
import type { LambdaHostOptions, LambdaHostStatus } from './lambda-host/start-lambda-host.ts';
import { startConsul } from './servers/consul.ts';
import { startNats } from './servers/nats.ts';
import { startPrometheus } from './servers/prometheus.ts';
import { startRedis } from './servers/redis.ts';
import { createRunFolder } from './servers/run-folder.ts';
import type { RunningServer } from './servers/running-server.ts';
import { createSecret } from './stack/create-secret.ts';
import { createMeasuredLoad, type MeasuredLoad } from './stack/measured-load.ts';
import { printedUrl } from './stack/node-server.ts';
import { createRelayTargets } from './stack/relay-targets.ts';
import { startFleetProcess, startFunctions, startRelay, startUpstash } from './stack/start-parts.ts';
import { tapReplies } from './stack/tap-replies.ts';

export interface StackOptions {
  /** Simulated game servers, default 5. */
  readonly instances?: number;
  /** Unequal ones. */
  readonly mixed?: boolean;
  /** Games that each instance takes at most; absent: it says nothing of that. */
  readonly maxGames?: number;
  /** Seconds between Prometheus's scrapes, default 5. */
  readonly scrapeIntervalS?: number;
  /** How the local Lambda host runs the functions. */
  readonly functions?: Pick<LambdaHostOptions, 'maxEnvironments' | 'provisioned' | 'freeze' | 'throttle' | 'iam'>;
  /** Added to the functions' environment, or over it. */
  readonly functionEnv?: Readonly<Record<string, string>>;
  /** Added to the relay's environment, or over it. */
  readonly relayEnv?: Readonly<Record<string, string>>;
  /** Told one line for each step. */
  readonly onProgress?: (line: string) => void;
  /** Gives up and stops what has been started. */
  readonly signal?: AbortSignal;
}

/** What .local/stack.json holds. */
export interface StackAddresses {
  readonly natsUrl: string;
  /** The HTTP API's origin, without a slash at its end: every HTTPS route is under it, and the console at its root. */
  readonly apiUrl: string;
  readonly assignUrl: string;
  readonly assignToken: string;
  readonly consulUrl: string;
  readonly prometheusUrl: string;
  readonly redisUrl: string;
  readonly upstashUrl: string;
  readonly upstashToken: string;
  /** The relay's own port, where the console is too. */
  readonly relayUrl: string;
  readonly consoleToken: string;
}

export interface FleetReport extends FleetInstance {
  /** What it truly uses at this moment. */
  readonly load: Load;
}

/** The whole service on this machine; each server is a process that a test may kill, stop and start again. */
export interface Stack {
  readonly addresses: StackAddresses;
  readonly functionUrl: string;
  readonly nats: RunningServer;
  readonly redis: RunningServer;
  readonly consul: RunningServer;
  readonly prometheus: RunningServer;
  readonly upstash: RunningServer;
  readonly fleet: RunningServer;
  readonly functions: RunningServer;
  readonly relay: RunningServer;
  /** What Prometheus knows of each instance, asked and read as the functions do. */
  readonly measuredLoad: MeasuredLoad;
  readonly fleetReport: () => Promise<readonly FleetReport[]>;
  /** `id`: an instance's id or address. Resolves when the instance has been told; Consul notices when it next looks. */
  readonly changeInstance: (id: string, change: InstanceChange) => Promise<void>;
  /** Process ids and counters of the functions' environments. */
  readonly functionStatus: () => Promise<LambdaHostStatus>;
  /** HTTP requests and Redis commands that came to the REST front. */
  readonly upstashCounters: () => Promise<{ readonly requests: number; readonly commands: number }>;
  /** One more relay on the same NATS, stopped with the stack. */
  readonly addRelay: (env?: Readonly<Record<string, string>>) => Promise<RunningServer>;
  readonly stop: () => Promise<void>;
}

/** The first CPU rate needs two scrapes; hundreds of instances on a crowded machine need more. */
const MEASURED_LIMIT_MS = 120_000;
const POLL_MS = 100;
/** Eight cold starts at once on two cores outlast a caller's half second, and are not what a stack is started for. */
const PROVISIONED = { batch: 4, assign: 4 };

/**
 * Starts NATS, Redis, Consul, Prometheus, the REST front, a simulated fleet, the local Lambda host with the built
 * functions, and the built relay. Resolves when every instance passes in Consul, Prometheus has all three values of
 * each, and the relay is ready. When anything fails, what was started is stopped first.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { instances = 5, mixed = false, maxGames, scrapeIntervalS = 5, onProgress = () => {} } = options;
  await requireBuild();
  const folder = await createRunFolder('stack');
  const started: Promise<RunningServer>[] = [];
  let stopping: Promise<void> | undefined;
  let untap: Promise<() => Promise<void>> | undefined;

  async function begin(start: () => Promise<RunningServer>): Promise<RunningServer> {
    if (stopping !== undefined) throw new Error('The stack has been stopped.');
    const server = start();
    started.push(server);
    const running = await server;
    // The fleet's instances have addresses of their own.
    onProgress(running.name === 'fleet' ? `fleet of ${instances} runs` : `${running.name} runs at ${running.url}`);
    return running;
  }

  function stop(): Promise<void> {
    stopping ??= stopOnce();
    return stopping;
  }

  async function stopOnce(): Promise<void> {
    await stopAll(started);
    await (await untap)?.();
    await rm(folder, { recursive: true, force: true });
  }

  async function startAll(): Promise<Stack> {
    const targetsFile = join(folder, 'targets.json');
    const relayTargetsFile = join(folder, 'relay-targets.json');
    const scraped = createRelayTargets(relayTargetsFile);
    const [nats, redis, consul, prometheus] = await Promise.all([
      begin(() => startNats()),
      begin(() => startRedis()),
      begin(() => startConsul()),
      begin(() => startPrometheus({ scrapeIntervalS, targetsFile, relayTargetsFile })),
    ]);
    untap = tapReplies(nats.url);
    await untap;
    const upstashToken = createSecret('UPSTASH_REDIS_REST_TOKEN');
    const assignToken = createSecret('API_TOKENS');
    const consoleToken = createSecret('CONSOLE_TOKEN');
    const fleetOptions = { consulUrl: consul.url, redisUrl: redis.url, targetsFile, instances, mixed, maxGames };
    const [upstash, fleet] = await Promise.all([
      begin(() => startUpstash(redis.url, upstashToken)),
      begin(() => startFleetProcess(fleetOptions)),
    ]);
    const env = {
      CONSUL_URL: consul.url,
      PROMETHEUS_URL: prometheus.url,
      UPSTASH_REDIS_REST_URL: upstash.url,
      UPSTASH_REDIS_REST_TOKEN: upstashToken,
      API_TOKENS: assignToken,
      // These two ask for none, and take it all the same.
      CONSUL_TOKEN: createSecret('CONSUL_TOKEN'),
      PROMETHEUS_TOKEN: createSecret('PROMETHEUS_TOKEN'),
      SCRAPE_INTERVAL_S: String(scrapeIntervalS),
      LOG_FORMAT: 'json',
      ...options.functionEnv,
    };
    const host = startFunctions({ provisioned: PROVISIONED, ...options.functions, env });
    const functions = await begin(() => host.then(({ server }) => server));
    const { functionUrl } = await host;
    const relayEnv = {
      NATS_URL: nats.url,
      ALLOCATOR_URL: `${functionUrl}batch`,
      ALLOCATOR_TOKEN: assignToken,
      CONSOLE_TOKEN: consoleToken,
      ASSIGN_EVENTS: 'true',
      ...options.relayEnv,
    };
    const relay = await begin(() => startRelay(relayEnv).then(scraped));
    const measuredLoad = createMeasuredLoad(env);
    onProgress(`waiting until Prometheus has measured ${instances} instances`);
    await waitUntilMeasured(measuredLoad, instances);
    return {
      addresses: {
        natsUrl: nats.url,
        apiUrl: functions.url,
        assignUrl: `${functions.url}/assign`,
        assignToken,
        consulUrl: consul.url,
        prometheusUrl: prometheus.url,
        redisUrl: redis.url,
        upstashUrl: upstash.url,
        upstashToken,
        relayUrl: relay.url,
        consoleToken,
      },
      ...{ functionUrl, nats, redis, consul, prometheus, upstash, fleet, functions, relay, measuredLoad, stop },
      fleetReport: async () => {
        const url = await printedUrl(fleet.logFile);
        return (await getJson<{ instances: FleetReport[] }>(`${url}/fleet`)).instances;
      },
      changeInstance: async (id, change) => {
        const url = `${await printedUrl(fleet.logFile)}/fleet/${encodeURIComponent(id)}`;
        const answer = await fetch(url, { method: 'PATCH', body: JSON.stringify(change) });
        if (!answer.ok) throw new Error(`The fleet answered ${answer.status}: ${await answer.text()}`);
      },
      functionStatus: () => getJson(`${functions.url}/__host`),
      upstashCounters: () => getJson(`${upstash.url}/__counters`),
      addRelay: (more = {}) => begin(() => startRelay({ ...relayEnv, ...more }).then(scraped)),
    };
  }

  options.signal?.addEventListener('abort', () => void stop());
  try {
    options.signal?.throwIfAborted();
    return await startAll();
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Also what is just starting. In parallel: one that hangs must not keep the others alive. */
async function stopAll(started: readonly Promise<RunningServer>[]): Promise<void> {
  const servers = await Promise.allSettled(started);
  await Promise.all(servers.map((result) => (result.status === 'fulfilled' ? result.value.stop() : undefined)));
}

async function requireBuild(): Promise<void> {
  for (const file of ['dist/relay/relay.mjs', 'dist/functions/batch/index.mjs']) {
    await access(join(PROJECT_ROOT, file)).catch(() => {
      throw new Error(`${file} is not there: run \`npm run build\` first.`);
    });
  }
}

async function waitUntilMeasured(measuredLoad: MeasuredLoad, instances: number): Promise<void> {
  const giveUpAt = performance.now() + MEASURED_LIMIT_MS;
  for (;;) {
    const { size } = await measuredLoad();
    if (size >= instances) return;
    if (performance.now() > giveUpAt) {
      throw new Error(`Prometheus has all three values of ${size} of ${instances} instances after two minutes.`);
    }
    await sleep(POLL_MS);
  }
}

async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json() as Promise<T>;
}
