import { parseArgs } from 'node:util';
import { createHttpClient, type HttpClient } from '../lib/adapters/http/http-client.ts';
import { standardCredentials } from '../lib/adapters/iam/aws-credentials.ts';
import { createSigningClient } from '../lib/adapters/iam/signing-client.ts';
import { createLog } from '../lib/adapters/log/create-log.ts';
import { createAuthenticator } from '../lib/adapters/nats/credentials.ts';
import { openNatsDoor } from '../lib/adapters/nats/nats-door.ts';
import { createMetricsPage } from '../lib/adapters/prom/metrics-page.ts';
import { createTraceScope, type TraceScope } from '../lib/adapters/trace/trace-scope.ts';
import type { Clock, Log } from '../lib/app/ports.ts';
import type { AllocatorDoor } from '../lib/config/allocator-door.ts';
import { ConfigError, type Env } from '../lib/config/env.ts';
import { type RelayConfig, readRelayConfig } from '../lib/config/relay-config.ts';
import { askHealth } from '../lib/relay/ask-health.ts';
import { createAssignEvents } from '../lib/relay/assign-events.ts';
import { createConsoleDoor } from '../lib/relay/console-door.ts';
import type { Counts } from '../lib/relay/counts.ts';
import { drain } from '../lib/relay/drain.ts';
import { createPost, MAX_ANSWER_BYTES } from '../lib/relay/forward.ts';
import { startHealthServer } from '../lib/relay/health-server.ts';
import { startHeartbeat } from '../lib/relay/heartbeat.ts';
import { createMetricsDoor } from '../lib/relay/metrics-door.ts';
import { reachFunction, reachOwn, type Way } from '../lib/relay/reach-function.ts';
import { readMetrics } from '../lib/relay/read-metrics.ts';
import { createRecentTraffic } from '../lib/relay/recent-traffic.ts';
import { createRelay } from '../lib/relay/relay.ts';
import { createRelayMeter, type RelayMeter } from '../lib/relay/relay-meter.ts';
import type { RelayReport } from '../lib/relay/relay-report.ts';
import packageJson from '../package.json' with { type: 'json' };

const USAGE = `Usage: relay [--check-config | --health | --help]

Answers game assignments over NATS. Everything is configured by environment variables.

  --check-config  say what is wrong with the configuration, one line per problem, and exit
  --health        ask the relay that runs here whether it is well, and exit with 0 if it is
  --help          print this and exit
`;

/** Connections to the function at once; each carries one message at a time. */
const MAX_SOCKETS = 256;

/** Wall time that is set once: what sets the system's clock must not move the deadlines of requests under way. */
const clock: Clock = () => performance.timeOrigin + performance.now();

void main(process.argv.slice(2), process.env);

async function main(args: readonly string[], env: Env): Promise<void> {
  const flags = readFlags(args);
  if (flags === undefined) return exit(2, process.stderr, USAGE);
  if (flags.help) return exit(0, process.stdout, USAGE);

  let config: RelayConfig;
  try {
    config = readRelayConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return exit(1, process.stderr, `${error.problems.join('\n')}\n`);
  }
  if (flags['check-config']) return exit(0, process.stdout, 'configuration is valid\n');
  if (flags.health) return exit((await askHealth(config.port)) ? 0 : 1, process.stdout, '');
  await serve(config);
}

async function serve(config: RelayConfig): Promise<void> {
  const traces = createTraceScope();
  const log = createLog({ ...config.log, trace: traces.ids });
  // One request's defect must not end the others; what is rejected here was waited for by nobody.
  process.on('unhandledRejection', (reason) => log.error('unhandled_rejection', {}, reason));

  const meter = createRelayMeter();
  const way = await openWay(config, log, traces, meter);
  const events =
    config.assignEvents &&
    createAssignEvents({ ...config.assignEvents, publish: (...event) => door.publish(...event), log });
  const traffic = createRecentTraffic(clock);
  const relay = createRelay({
    allocate: way.allocate,
    clock,
    log,
    maxInFlight: config.maxInFlight,
    ...(config.rateLimit && { rateLimit: config.rateLimit }),
    ...(events && { onReply: events.tell }),
    runInTrace: traces.within,
    onEnd: ({ success }, tookMs) => traffic.add(success, tookMs),
  });
  const { servers, tls, credentials, queue } = config.nats;
  const door = openNatsDoor({
    address: {
      ...{ servers, tls, name: config.log.service },
      ...(credentials && { authenticator: createAuthenticator(credentials, clock, log) }),
    },
    service: {
      name: config.log.service.replaceAll(/[^-\w]/g, '-'),
      version: packageJson.version,
      description: packageJson.description,
      metadata: { title: config.title },
      queue,
      endpoints: config.endpoints.map((endpoint) => {
        const { handle, counts } = relay.serve(endpoint);
        return { name: endpoint.name, subject: endpoint.subject, handle, figures: () => toFigures(counts()) };
      }),
    },
    clock,
    log,
  });

  function details() {
    const { failed, late, unsent, rateLimited } = relay.stats();
    const { calls, hedged, hedgesWon, retried, warmCalls, failures } = way.stats();
    return {
      in_flight: relay.inFlight(),
      failed,
      rate_limited: rateLimited,
      late_replies: late,
      lost_replies: unsent + door.repliesLost(),
      ...(events && { lost_events: events.lost() }),
      calls,
      hedged,
      hedges_won: hedgesWon,
      retried,
      warm_calls: warmCalls,
      upstream_failures: failures,
    };
  }

  function report(): RelayReport {
    return {
      success: true,
      at_ms: Date.now(),
      uptime_s: Math.round(process.uptime()),
      version: packageJson.version,
      service: config.log.service,
      nats: door.state(),
      received: relay.stats().received,
      ...details(),
      ...traffic.read(),
    };
  }

  const notReady = () => (door.state() === 'serving' ? undefined : door.state());
  const heartbeat = startHeartbeat({
    notReady,
    connected: door.connected,
    figures: () => ({ received: relay.stats().received, in_flight: relay.inFlight() }),
    log,
  });

  const measured = {
    ...{ relay, calls: way.stats, meter, version: packageJson.version },
    ...{ connected: door.connected, ready: () => notReady() === undefined, repliesLost: door.repliesLost },
  };
  const doors = [createMetricsDoor(createMetricsPage(() => readMetrics(measured), clock))];
  if (config.console !== undefined) {
    // Only where it is wanted: the page is made by the build, and this file runs without one too.
    const { page } = await import('./console/page.ts');
    doors.push(createConsoleDoor({ page, tokens: config.console, serve: relay.serve, report }));
  }

  let stopping = false;
  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (stopping) process.exit(1);
    stopping = true;
    log.info('stopping', { signal, in_flight: relay.inFlight() });
    heartbeat.stop();
    way.stop();
    await drain(door, relay, log);
    const { received, unsent } = relay.stats();
    log.info('stopped', { received, lost_replies: unsent + door.repliesLost() });
    process.exit(0);
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));

  // The client says so when it has given up for good: whoever supervises this process starts a new one.
  function giveUp(reason: unknown): void {
    if (stopping) return;
    log.error('nats_closed', {}, reason);
    process.exit(1);
  }
  door.closed.then(giveUp, giveUp);

  try {
    await startHealthServer({
      port: config.port,
      notReady,
      doors,
      details: () => ({
        service: config.log.service,
        title: config.title,
        version: packageJson.version,
        uptime_s: Math.round(process.uptime()),
        connected: door.connected(),
        ...details(),
      }),
    });
  } catch (error) {
    log.error('health_port_unavailable', { port: config.port }, error);
    process.exit(1);
  }
  log.info('started', { version: packageJson.version, port: config.port, allocator: config.allocator.kind });
}

async function openWay({ allocator }: RelayConfig, log: Log, traces: TraceScope, meter: RelayMeter): Promise<Way> {
  const { traced } = traces;
  if (allocator.kind === 'own') {
    // Not loaded by a relay that only forwards: the clients of four other systems hang on it.
    const { composeAllocator } = await import('../lib/compose.ts');
    return reachOwn(composeAllocator(allocator.config, log, { traces, meter }).allocate, clock, { traced, meter });
  }
  const { url, keepWarm } = allocator;
  const post = createPost({ http: openFunction(allocator, log, traces), path: url.pathname + url.search });
  return reachFunction({ post, keepWarm, clock, random: Math.random, log, traced, meter });
}

function openFunction({ url, auth }: AllocatorDoor, log: Log, traces: TraceScope): Pick<HttpClient, 'request'> {
  const upstream = 'allocator';
  const http = createHttpClient({
    upstream,
    baseUrl: new URL(url.origin),
    maxResponseBytes: MAX_ANSWER_BYTES,
    maxSockets: MAX_SOCKETS,
    trace: traces.headers, // not signed with IAM: what passes a request on may put itself into the trace
    ...(auth.kind === 'token' && { headers: () => ({ authorization: `Bearer ${auth.token}` }) }),
  });
  if (auth.kind !== 'iam') return http;
  // Signed with the wall clock: that AWS agrees with ours is all that counts.
  const signing = { region: auth.region, credentials: standardCredentials(), clock: Date.now };
  return createSigningClient({ upstream, http, url, ...signing, log });
}

function toFigures({ succeeded, failed, tookMs, lastFailure }: Counts) {
  const errors = Object.values(failed).reduce((sum, count) => sum + count, 0);
  return { requests: succeeded + errors, errors, processingMs: tookMs.sum, lastError: lastFailure, data: { failed } };
}

function readFlags(args: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({ args: [...args], options: { help: flag, 'check-config': flag, health: flag } }).values;
  } catch {
    return undefined;
  }
}

function exit(code: number, stream: NodeJS.WriteStream, text: string): void {
  stream.write(text);
  process.exitCode = code;
}
