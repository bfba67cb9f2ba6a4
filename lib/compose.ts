import { createConsulDiscovery } from './adapters/consul/discovery.ts';
import { createReplyFigures, type ReplyFigures } from './adapters/emf/reply-figures.ts';
import type { HandlerOptions } from './adapters/lambda/create-handler.ts';
import { createLog } from './adapters/log/create-log.ts';
import { createPrometheusMetrics } from './adapters/prometheus/metrics.ts';
import { fillTemplate, fleetQuery } from './adapters/prometheus/query.ts';
import { compressedText } from './adapters/redis/compressed-text.ts';
import { createRedisClient } from './adapters/redis/redis-client.ts';
import { createSsmSecrets } from './adapters/ssm/ssm-secrets.ts';
import { createTraceScope, type TraceScope } from './adapters/trace/trace-scope.ts';
import { createUpstashClient } from './adapters/upstash/upstash-client.ts';
import type { Allocate } from './api/allocate.ts';
import { isBearerOf, readTokens } from './api/bearer-tokens.ts';
import { logReply } from './api/log-reply.ts';
import { createAllocate } from './api/operations.ts';
import { traceOf } from './api/trace.ts';
import { createDecisionLog } from './app/decision-log.ts';
import { createFleetViews } from './app/fleet-views.ts';
import type { InsightOptions, ServeInsight } from './app/insight-call.ts';
import { type Meter, NO_METER, timed } from './app/meter.ts';
import type { Clock, Log, RedisClient } from './app/ports.ts';
import { createSavedList } from './app/saved-list.ts';
import { createSecrets, type Secrets } from './app/secrets.ts';
import { createServeRequests, type ServeRequests } from './app/serve-requests.ts';
import { UpstreamError } from './app/upstream-error.ts';
import { type AllocatorConfig, SECRET_NAMES, type SecretName } from './config/allocator-config.ts';
import type { Env } from './config/env.ts';
import { readFunctionConfig } from './config/function-config.ts';
import type { Service } from './config/services.ts';
import { createLuaPlacement, toRule } from './placement/lua-placement.ts';

const clock: Clock = () => Date.now();
/** For durations alone: it stands still while a Lambda environment is frozen. */
const monotonic: Clock = () => performance.now();
const random = Math.random;

/** The allocator as a deployed function has it: with Upstash, whatever else it could reach. Throws ConfigError. */
export function composeFunction(env: Env): { readonly allocate: Allocate; readonly handler: HandlerOptions } {
  const config = readFunctionConfig(env);
  const traces = createTraceScope();
  const log = createLog({ ...config.log, trace: traces.ids });
  const secrets = composeSecrets(config.allocator, log);
  void secrets.open(FIRST_READ_MS); // the first requests join it, and none of them can cut it off
  const redis = createUpstashClient({
    url: config.upstashUrl,
    token: () => secrets.get('UPSTASH_REDIS_REST_TOKEN'),
    trace: traces.headers,
  });
  const figures = config.deployedStage === undefined ? undefined : composeFigures(config.deployedStage, env);
  const meter = figures ?? NO_METER;
  const bare = composeAllocate(config.allocator, { log, secrets, redis, meter, traces, preload: redis.preload });
  const allocate = figures === undefined ? bare : figures.counted(bare);
  const authorise = config.anonymous ? letEverybodyIn : createBearerDoor(secrets, log);
  return {
    // What is no batch has its trace in a header, and so has a batch whose items say nothing.
    allocate: tellingOfReplies(traces.traced(allocate, traces.current), log, traces),
    handler: { clock, log, authorise, runInTrace: traces.within },
  };
}

/** Tells of each reply, at DEBUG, in the trace of its own item and not in that of its neighbours. */
function tellingOfReplies(allocate: Allocate, log: Log, traces: TraceScope): Allocate {
  return async (items, signal) => {
    const sinceMs = clock();
    const replies = await allocate(items, signal);
    const tookMs = clock() - sinceMs;
    const otherwise = traceOf(items) === undefined ? traces.current() : undefined;
    for (const [index, reply] of replies.entries()) {
      const item = items[index];
      if (item === undefined) continue;
      traces.within(traceOf([item]) ?? otherwise, () => logReply(log, item.op, reply, tookMs));
    }
    return replies;
  };
}

/** CloudWatch makes metrics of these lines, so they are no log lines of ours: neither its level nor its format counts. */
function composeFigures(stage: string, env: Env): ReplyFigures {
  const coldStart = env['AWS_LAMBDA_INITIALIZATION_TYPE'] !== 'provisioned-concurrency';
  return createReplyFigures({ stage, coldStart, clock, write: writeLine });
}

function writeLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The allocator in the relay's own process. */
export function composeAllocator(
  config: AllocatorConfig,
  log: Log,
  { meter = NO_METER, traces = createTraceScope() }: { readonly meter?: Meter; readonly traces?: TraceScope } = {},
): { readonly allocate: Allocate; close(): void } {
  const secrets = composeSecrets(config, log);
  const parts = { log, secrets, meter, traces };
  if (config.redis.kind === 'upstash') {
    const token = () => secrets.get('UPSTASH_REDIS_REST_TOKEN');
    const redis = createUpstashClient({ url: config.redis.url, token, trace: traces.headers });
    return { allocate: composeAllocate(config, { ...parts, redis }), close: () => undefined };
  }
  const redis = createRedisClient({ ...config.redis, password: () => secrets.get('REDIS_PASSWORD') });
  return { allocate: composeAllocate(config, { ...parts, redis }), close: redis.close };
}

function composeSecrets(config: AllocatorConfig, log: Log): Secrets<SecretName> {
  return createSecrets({
    given: config.secrets,
    store: config.ssmPath === undefined ? undefined : createSsmSecrets({ path: config.ssmPath }),
    names: SECRET_NAMES,
    required: config.redis.kind === 'upstash' ? ['UPSTASH_REDIS_REST_TOKEN'] : [],
    clock,
    random,
    log,
  });
}

interface Parts {
  readonly log: Log;
  readonly secrets: Secrets<SecretName>;
  readonly redis: RedisClient;
  readonly meter: Meter;
  readonly traces: TraceScope;
  /** Loads what the first command to Redis needs. */
  readonly preload?: () => void;
}

function composeAllocate(config: AllocatorConfig, parts: Parts): Allocate {
  const { secrets, redis: bareRedis, meter } = parts;
  const told = tellingOfRefusals(secrets);
  const redis: RedisClient = {
    runScript: timed(meter, 'redis', monotonic, told(bareRedis.runScript)),
    get: told(bareRedis.get),
    set: told(bareRedis.set),
  };
  const services = config.services.map((service) => ({
    name: service.name,
    hasGames: service.recordPrefix !== undefined,
    serve: withSecrets(
      secrets,
      whenAsked(() => composeService(service, config, { ...parts, redis })),
    ),
  }));
  return createAllocate({ services, clock, strategies: config.requestStrategies });
}

/** A service that nobody asks for costs nothing. */
function whenAsked(compose: () => ServeRequests): ServeRequests {
  let serve: ServeRequests | undefined;
  return (requests, signal) => {
    serve ??= compose();
    return serve(requests, signal);
  };
}

function composeService({ name, recordPrefix }: Service, config: AllocatorConfig, parts: Parts): ServeRequests {
  const { log, secrets, redis, meter, traces, preload } = parts;
  const consul = createConsulDiscovery({
    ...config.consul,
    serviceName: name,
    maxAgeMs: config.view.staleMs,
    token: () => secrets.get('CONSUL_TOKEN'),
    trace: traces.headers,
    log,
  });
  const views = createFleetViews({
    discovery: {
      list: beforeWaiting(timed(meter, 'consul', monotonic, tellingOfRefusals(secrets)(consul.list)), preload),
    },
    metrics: composeMetrics(name, config, parts),
    savedList: createSavedList({
      redis,
      codec: compressedText,
      key: `${config.placement.statePrefix}:v1:${name}:list`,
      clock,
      log,
      staleMs: config.view.staleMs,
    }),
    clock,
    random,
    log,
    meter,
    ...config.view,
  });
  const placement = createLuaPlacement(redis, { ...config.placement, serviceName: name, recordPrefix }, clock);
  const decisionLog = createDecisionLog({
    mode: config.decisionLog,
    service: name,
    rule: toRule(config.placement),
    random,
    write: writeLine,
    log,
    trace: traces.ids,
  });
  const reassigns = config.placement.reassignGraceMs > 0;
  const { strategy, packCeiling } = config.placement;
  const common = { placement, clock, random, log, reassigns };
  const insight = loadedWhenAsked({ ...common, serviceName: name, strategy, packCeiling });
  return createServeRequests({ ...common, views, insight, decisionLog });
}

/** In a chunk of its own, so that the cold start of a function which only places games does not read it. */
function loadedWhenAsked(options: InsightOptions): ServeInsight {
  let loading: Promise<ServeInsight> | undefined;
  return async (request, call) => {
    loading ??= import('./app/insight.ts').then(({ createInsight }) => createInsight(options));
    return (await loading)(request, call);
  };
}

/** Does `work` once the first call is on its way, in the time that its answer takes. */
function beforeWaiting<Args extends unknown[], Result>(
  call: (...args: Args) => Result,
  work: (() => void) | undefined,
) {
  return (...args: Args): Result => {
    const result = call(...args);
    work?.();
    return result;
  };
}

function composeMetrics(
  service: string,
  { prometheus, placement }: AllocatorConfig,
  { log, secrets, meter, traces }: Parts,
) {
  if (prometheus === undefined) return undefined;
  const values = { service, label: prometheus.label, windowS: placement.cpuWindowS };
  const metrics = createPrometheusMetrics({
    ...prometheus,
    token: () => secrets.get('PROMETHEUS_TOKEN'),
    query: fleetQuery({
      cpu: fillTemplate(prometheus.templates.cpu, values),
      memory: fillTemplate(prometheus.templates.memory, values),
      time: fillTemplate(prometheus.templates.time, values),
    }),
    trace: traces.headers,
    log,
  });
  return { load: timed(meter, 'prometheus', monotonic, tellingOfRefusals(secrets)(metrics.load)) };
}

/** Makes secrets be read anew after somebody refused one of them: it may have been rotated. */
function tellingOfRefusals({ refused }: Secrets<SecretName>) {
  return <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      try {
        return await call(...args);
      } catch (error) {
        if (error instanceof UpstreamError && error.failure === 'refused') refused();
        throw error;
      }
    };
}

/** The longest that the reading of secrets which begins with the environment may take, ms. */
const FIRST_READ_MS = 3000;
/** Kept for the work itself while secrets are waited for, ms. */
const RESERVED_MS = 130;
/** The longest that a reply waits for secrets that are refreshed beside it, ms. */
const REFRESH_WAIT_MS = 50;

/** Nothing can be asked without the tokens for it. Only the first requests of a process ever wait here. */
function withSecrets(secrets: Secrets<SecretName>, serve: ServeRequests): ServeRequests {
  return async (requests, signal) => {
    const leftMs = () => Math.max(...requests.map(({ deadlineMs }) => deadlineMs)) - clock();
    const opened = await secrets.open(leftMs() - RESERVED_MS);
    if (!opened.ready) return requests.map(() => ({ kind: 'upstream_unavailable' }));
    const outcomes = await serve(requests, signal);
    await opened.release(Math.max(0, Math.min(REFRESH_WAIT_MS, leftMs())));
    return outcomes;
  };
}

/** Lets in whoever has one of the tokens. Nothing else is asked for somebody who is turned away. */
function createBearerDoor(secrets: Secrets<SecretName>, log: Log): HandlerOptions['authorise'] {
  let text: string | undefined;
  let tokens = readTokens(text);

  function currentTokens() {
    const now = secrets.get('API_TOKENS');
    if (now === text) return tokens;
    text = now;
    tokens = readTokens(text);
    if (tokens.ignored > 0) log.error('api_tokens_too_many', { ignored: tokens.ignored });
    return tokens;
  }

  return async (header, waitMs) => {
    const limitMs = waitMs - RESERVED_MS;
    const { ready, release } = await secrets.open(limitMs);
    // A token that was taken away must not get in once more because nobody had come for a while.
    await release(Math.max(0, limitMs));
    if (!ready) return { code: 'upstream_unavailable' };
    return isBearerOf(currentTokens(), header) ? undefined : { code: 'unauthorised' };
  };
}

async function letEverybodyIn(): Promise<undefined> {
  return undefined;
}
