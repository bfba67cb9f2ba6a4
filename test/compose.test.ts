import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import * as z from 'zod/mini';
import { createHandler, type HttpAnswer } from '../lib/adapters/lambda/create-handler.ts';
import { assignRoute, healthRoute } from '../lib/adapters/lambda/routes.ts';
import type { Allocate } from '../lib/api/allocate.ts';
import type { Reply } from '../lib/api/outcomes.ts';
import { composeAllocator, composeFunction } from '../lib/compose.ts';
import { composeHealth } from '../lib/compose-health.ts';
import { AllocatorVariables, toAllocatorConfig } from '../lib/config/allocator-config.ts';
import { ConfigError, type Env, readEnv } from '../lib/config/env.ts';
import { createRelayMeter } from '../lib/relay/relay-meter.ts';
import { healthEntry } from './adapters/consul/health-entry.ts';
import { fakeLog, httpEvent, lambdaContext } from './support/fakes.ts';
import { freePort, type Listener, noLimit, reply, startServer, type TestServer } from './support/http-server.ts';

/** How long a poll may take: a cold call on a loaded machine may miss its own short limits a few times. */
const PATIENT = { timeout: 20_000, interval: 50 };

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example');
  vi.stubEnv('AWS_REGION', 'eu-central-1');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** Upstash that places every game on the first candidate, for who has its token. */
function upstash(token: () => string): Listener {
  return (request, response, body) => {
    if (request.headers.authorization !== `Bearer ${token()}`) return reply(401, 'no')(request, response, body);
    const [command, ...args] = JSON.parse(body);
    if (command !== 'evalsha') return reply(200, { result: command === 'set' ? 'OK' : null })(request, response, body);
    const { candidates, requests } = JSON.parse(args.at(-1));
    const placed = candidates.length === 0 ? ['no_candidate'] : ['placed', 1, false];
    const results = { assign: placed, lookup: ['found', '"10.0.0.3"', 1500], choose: ['chosen', 1] };
    const resultOf = ({ op }: { op: keyof typeof results }) => results[op];
    const answer = { now: Date.now() / 1000, results: requests.map(resultOf) };
    reply(200, { result: JSON.stringify(answer) })(request, response, body);
  };
}

function prometheus(): Listener {
  const value = (m: string, text: string) => ({
    metric: { instance: '10.0.0.3:8080', m },
    value: [Date.now() / 1000, text],
  });
  const result = [value('cpu', '1'), value('ram', '1000'), value('ts', String(Date.now() / 1000))];
  return reply(200, { status: 'success', data: { resultType: 'vector', result } });
}

async function startUpstreams() {
  const servers = {
    redis: await startServer(upstash(() => 'canary-redis')),
    consul: await startServer(reply(200, [healthEntry()])),
    prometheus: await startServer(prometheus()),
  };
  const env: Env = {
    LOG_LEVEL: 'CRITICAL',
    UPSTASH_REDIS_REST_URL: servers.redis.url.href,
    UPSTASH_REDIS_REST_TOKEN: 'canary-redis',
    CONSUL_URL: servers.consul.url.href,
    CONSUL_TOKEN: 'canary-consul',
    PROMETHEUS_URL: servers.prometheus.url.href,
    PROMETHEUS_TOKEN: 'canary-prometheus',
    API_TOKENS: 'canary-api-1,canary-api-2',
    FLEET_FRESH_MS: '10000',
  };
  const asked = () => Object.values(servers).flatMap(({ requests }) => requests).length;
  return { ...servers, env, asked };
}

async function assign(allocate: Allocate, settings = {}): Promise<Reply> {
  const [answer] = await allocate([{ op: 'assign', request: { game_id: 'a', settings }, budget_ms: 5000 }], noLimit());
  return answer!;
}

/** What the last script was told. */
const lastCall = ({ requests }: TestServer) => JSON.parse(JSON.parse(requests.at(-1)!.body).at(-1));

const commandsOf = (server: TestServer) => server.requests.map(({ body }) => JSON.parse(body)[0]);

it('a warm assign asks Redis once, and neither Consul nor Prometheus', async () => {
  const { env, redis, consul, prometheus } = await startUpstreams();
  const { allocate } = composeFunction(env);
  await expect.poll(() => assign(allocate), PATIENT).toEqual({ success: true, instance_id: '10.0.0.3', port: 5002 });
  const before = [redis, consul, prometheus].map(({ requests }) => requests.length);

  await assign(allocate);

  const after = [redis, consul, prometheus].map(({ requests }) => requests.length);
  expect(after.map((count, index) => count - before[index]!)).toEqual([1, 0, 0]);
  expect(commandsOf(redis).at(-1)).toBe('evalsha');
});

it('carries the trace of a request to whoever is asked for it, and into the log', async () => {
  const { env, redis, consul, prometheus } = await startUpstreams();
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  onTestFinished(() => write.mockRestore());
  const { allocate, handler: options } = composeFunction({ ...env, LOG_LEVEL: 'DEBUG', LOG_FORMAT: 'json' });
  const handler = createHandler(assignRoute(allocate), options);
  const [inHeader, inItem, second] = ['1', '2', '3'].map((digit) => `00-${digit.repeat(32)}-b7ad6b7169203331-01`);
  const headers = { authorization: 'Bearer canary-api-1', traceparent: inHeader!, 'timeout-ms': '5000' };
  const item = { op: 'assign', request: { game_id: 'a' }, budget_ms: 5000 };

  await handler(httpEvent({ body: '{"game_id":"a"}', headers }), lambdaContext());
  const asked = () =>
    [redis, consul, prometheus].map(({ requests }) => requests.map(({ headers }) => headers['traceparent']));
  const first = asked();
  await allocate([item, { ...item, traceparent: inItem! }, { ...item, traceparent: second! }], noLimit());
  await allocate([item], noLimit());

  // The first evalsha, and the list that is saved beside it, are of the request that asked for them.
  expect(first.map((values) => [...new Set(values)])).toEqual([[inHeader], [inHeader], [inHeader]]);
  expect(asked()[0]!.slice(-2)).toEqual([inItem, undefined]);
  const answered = written.map((line) => JSON.parse(line)).filter(({ event }) => event === 'request_answered');
  expect(answered.map(({ op, outcome, trace }) => [op, outcome, trace])).toEqual([
    ['assign', 'success', '1'.repeat(32)],
    ['assign', 'success', undefined],
    ['assign', 'success', '2'.repeat(32)],
    ['assign', 'success', '3'.repeat(32)],
    ['assign', 'success', undefined],
  ]);
});

it('takes what a request asks for to Redis, and a strategy where it is allowed', async () => {
  const { env, redis } = await startUpstreams();
  const { allocate } = composeFunction({ ...env, REQUEST_STRATEGIES: 'pack' });
  await expect.poll(() => assign(allocate), PATIENT).toMatchObject({ success: true });

  await assign(allocate, { cpu_cores: 2, memory_bytes: 1e9, exact: true, strategy: 'pack', require: { v1: true } });
  expect(lastCall(redis).candidates.length).toBe(1);
  expect(lastCall(redis).requests).toMatchObject([{ expected: [2, 1e9, true], strategy: 'pack' }]);
  await assign(allocate, { require: { v2: true } });
  expect(lastCall(redis)).toMatchObject({ candidates: [], tiers: [[]], requests: [{ tiers: 1 }] });

  const refusal = { code: 'invalid_request', message: expect.stringContaining('settings.strategy') };
  expect(await assign(allocate, { strategy: 'spread' })).toMatchObject(refusal);
});

it('asks for a service of its own what is its own, and only once somebody asks for it', async () => {
  const { env, redis, consul, prometheus } = await startUpstreams();
  const { allocate } = composeFunction({ ...env, SERVICES: '{"arena":{},"bots":{}}' });
  await expect.poll(() => assign(allocate), PATIENT).toMatchObject({ success: true });
  const askedOf = (name: string) => [
    consul.requests.filter(({ url }) => url.startsWith(`/v1/health/service/${name}?`)).length,
    prometheus.requests.filter(({ body }) => decodeURIComponent(body).includes(`compose_service="${name}"`)).length,
  ];
  expect(askedOf('bots')).toEqual([0, 0]);

  const choose = () => allocate([{ op: 'instance', service: 'bots', request: {}, budget_ms: 5000 }], noLimit());
  await expect.poll(choose, PATIENT).toMatchObject([{ success: true, instance: { address: '10.0.0.3' } }]);

  expect(Math.min(...askedOf('arena'), ...askedOf('bots'))).toBeGreaterThan(0);
  const [, , keys, ...names] = JSON.parse(redis.requests.findLast(({ body }) => body.startsWith('["evalsha"'))!.body);
  expect(names.slice(0, keys)).toEqual(['game-allocator:v1:bots', 'game-allocator:v1:bots:expiry']);
});

it('looks a game up without Consul and Prometheus, by one command', async () => {
  const { env, redis, consul, prometheus } = await startUpstreams();
  const { allocate } = composeFunction(env);

  const [answer] = await allocate([{ op: 'lookup', request: { game_id: 'a' }, budget_ms: 5000 }], noLimit());

  expect(answer).toEqual({ success: true, instance_id: '10.0.0.3', expires_in_s: 2 });
  expect(commandsOf(redis)).toEqual(['evalsha']);
  expect([consul.requests, prometheus.requests]).toEqual([[], []]);
});

it('lists the instances without Redis', async () => {
  const { env } = await startUpstreams();
  const { allocate } = composeFunction({ ...env, UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${await freePort()}` });
  const list = () => allocate([{ op: 'instances', request: {}, budget_ms: 5000 }], noLimit());

  await expect
    .poll(list, PATIENT)
    .toEqual([{ success: true, instances: [{ address: '10.0.0.3', rest_port: 0, grpc_port: 0 }] }]);
});

it.each([
  ['', ['10.0.0.4']],
  ['0', undefined],
])('with REASSIGN_GRACE_MS=%j it tells Redis that %j is gone', async (graceMs, gone) => {
  const { env, redis } = await startUpstreams();
  const sick = healthEntry({ address: '10.0.0.4', checks: { http: 'critical' } });
  const consul = await startServer(reply(200, [healthEntry(), sick]));
  const { allocate } = composeFunction({ ...env, CONSUL_URL: consul.url.href, REASSIGN_GRACE_MS: graceMs });

  await expect.poll(() => assign(allocate), PATIENT).toMatchObject({ success: true });
  await assign(allocate);

  expect(lastCall(redis).view?.gone).toEqual(gone);
});

it('gives each upstream its own token, and no other', async () => {
  const { env, redis, consul, prometheus } = await startUpstreams();
  const { allocate } = composeFunction(env);

  await expect.poll(() => assign(allocate), PATIENT).toEqual({ success: true, instance_id: '10.0.0.3', port: 5002 });

  const canaries = ({ requests }: TestServer) => new Set(JSON.stringify(requests).match(/canary-\w+/g));
  expect([redis, consul, prometheus].map(canaries)).toEqual([
    new Set(['canary-redis']),
    new Set(['canary-consul']),
    new Set(['canary-prometheus']),
  ]);
});

it('keeps the list in Redis for others to start with', async () => {
  const { env, redis } = await startUpstreams();
  const sent = () => redis.requests.map(({ body }) => JSON.parse(body));

  // A save that was cut off is tried again a minute later only, so each try is a process of its own.
  await expect
    .poll(async () => {
      await assign(composeFunction(env).allocate);
      return sent().find(([command]) => command === 'set')?.[1];
    }, PATIENT)
    .toBe('game-allocator:v1:game-service:list');
});

it('turns away who has no token before it asks anybody', async () => {
  const { env, asked } = await startUpstreams();
  const { allocate, handler } = composeFunction(env);
  const assignHandler = createHandler(assignRoute(allocate), handler);

  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'Bearer canary-redis' }]) {
    const event = httpEvent({ body: '{"game_id":"a"}', headers: headers as Record<string, string> });
    const answer = (await assignHandler(event, lambdaContext())) as HttpAnswer;
    expect(answer.statusCode).toBe(401);
    expect(JSON.stringify(answer)).not.toContain('canary');
  }

  expect(asked()).toBe(0);
});

it('lets in who has one of the two tokens', async () => {
  const { env } = await startUpstreams();
  const { allocate, handler } = composeFunction(env);
  const assignHandler = createHandler(assignRoute(allocate), handler);

  for (const token of ['canary-api-1', 'canary-api-2']) {
    const event = () => httpEvent({ body: '{"game_id":"a"}', headers: { authorization: `Bearer ${token}` } });
    await expect.poll(() => assignHandler(event(), lambdaContext()), PATIENT).toMatchObject({ statusCode: 200 });
  }
});

/** Asks POST /assign with a token, as a handler that stays for several requests. */
function door(env: Env) {
  const { allocate, handler } = composeFunction(env);
  const assignHandler = createHandler(assignRoute(allocate), handler);
  return async (token: string | undefined, headers: Record<string, string> = {}) => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const event = httpEvent({ body: '{"game_id":"a"}', headers: { ...authorization, ...headers } });
    return (await assignHandler(event, lambdaContext())) as HttpAnswer;
  };
}

/** Parameter Store, with what `parameters` holds when it is asked. */
function parameterStore(parameters: () => Readonly<Record<string, string>>): Listener {
  return (...call) => {
    const entries = Object.entries(parameters());
    const list = entries.map(([name, value]) => ({ Name: `/game-allocator/test/${name}`, Value: value }));
    reply(200, { Parameters: list })(...call);
  };
}

it("lets everybody in where that is asked for on a developer's machine, and nowhere else", async () => {
  const { env } = await startUpstreams();
  const ask = door({ ...env, API_TOKENS: '', ALLOW_ANONYMOUS: 'true', STAGE: 'local' });

  await expect.poll(() => ask(undefined), PATIENT).toMatchObject({ statusCode: 200 });
  expect(await ask('wrong')).toMatchObject({ statusCode: 200 });
  expect(() => composeFunction({ ...env, ALLOW_ANONYMOUS: 'true', STAGE: 'prod' })).toThrow(/ALLOW_ANONYMOUS .* STAGE/);
});

it('a flood of wrong tokens asks nobody, and Parameter Store no more than it was', async () => {
  const { env, asked } = await startUpstreams();
  const ssm = await startServer(parameterStore(() => ({ 'api-tokens': 'canary-api' })));
  vi.stubEnv('AWS_ENDPOINT_URL_SSM', ssm.url.href);
  const ask = door({ ...env, SSM_PATH: '/game-allocator/test', API_TOKENS: '' });
  await expect.poll(() => ask('wrong'), PATIENT).toMatchObject({ statusCode: 401 });
  const readBefore = ssm.requests.length;

  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => ask(`wrong-${index}`, { 'timeout-ms': String(100 + index) })),
  );

  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([401]));
  expect(ssm.requests.length).toBe(readBefore);
  expect(asked()).toBe(0);
});

it('a token is replaced without a moment in which none works', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  onTestFinished(() => void vi.useRealTimers());
  const { env } = await startUpstreams();
  let tokens = 'canary-old';
  const ssm = await startServer(parameterStore(() => ({ 'api-tokens': tokens })));
  vi.stubEnv('AWS_ENDPOINT_URL_SSM', ssm.url.href);
  const ask = door({ ...env, SSM_PATH: '/game-allocator/test', API_TOKENS: '', FLEET_STALE_MS: '86400000' });
  const refresh = () => vi.setSystemTime(Date.now() + 300_001);
  // A machine that is busy may miss the time in which a refresh is waited for, and is asked again.
  const statuses = async () => [(await ask('canary-old')).statusCode, (await ask('canary-new')).statusCode];
  await expect.poll(statuses, PATIENT).toEqual([200, 401]);

  tokens = 'canary-old,canary-new';
  refresh();
  await expect.poll(statuses, PATIENT).toEqual([200, 200]);

  tokens = 'canary-new';
  expect(await statuses()).toEqual([200, 200]);
  refresh();
  await expect.poll(statuses, PATIENT).toEqual([401, 200]);
});

it('a token that was taken away does not get in once more after a long silence', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  onTestFinished(() => void vi.useRealTimers());
  const { env } = await startUpstreams();
  let tokens = 'canary-old';
  const ssm = await startServer(parameterStore(() => ({ 'api-tokens': tokens })));
  vi.stubEnv('AWS_ENDPOINT_URL_SSM', ssm.url.href);
  const { handler } = composeFunction({ ...env, SSM_PATH: '/game-allocator/test', API_TOKENS: '' });
  // With as much time as the slowest machine needs: what a caller may wait is not what this is about.
  const refusal = () => handler.authorise('Bearer canary-old', 30_000);
  await expect.poll(refusal, PATIENT).toBeUndefined();

  tokens = 'canary-new';
  vi.setSystemTime(Date.now() + 86_400_000);

  expect(await refusal()).toEqual({ code: 'unauthorised' });
});

it('says that a third token lets nobody in, once for each list of tokens', async () => {
  const { env } = await startUpstreams();
  const ssm = await startServer(parameterStore(() => ({ 'api-tokens': 'canary-1,canary-2,canary-3' })));
  vi.stubEnv('AWS_ENDPOINT_URL_SSM', ssm.url.href);
  const output = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const ask = door({ ...env, SSM_PATH: '/game-allocator/test', API_TOKENS: '', LOG_LEVEL: 'ERROR' });

  await expect.poll(() => ask('canary-3'), PATIENT).toMatchObject({ statusCode: 401 });
  await expect.poll(() => ask('canary-2'), PATIENT).toMatchObject({ statusCode: 200 });
  const lines = output.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('api_tokens'));
  output.mockRestore();

  expect(lines).toEqual([expect.stringMatching(/ERROR .* api_tokens_too_many ignored=1\n$/)]);
});

it('without tokens of its own it lets nobody in', async () => {
  const { env, asked } = await startUpstreams();
  const { allocate, handler } = composeFunction({ ...env, API_TOKENS: '' });

  const event = httpEvent({ body: '{"game_id":"a"}', headers: { authorization: 'Bearer undefined' } });

  expect(await createHandler(assignRoute(allocate), handler)(event, lambdaContext())).toMatchObject({
    statusCode: 401,
  });
  expect(asked()).toBe(0);
});

it('with nothing to reach it says which failure that is, and leaks nothing', async () => {
  const { env } = await startUpstreams();
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const output = vi.spyOn(process.stdout, 'write').mockReturnValue(true);

  const { allocate } = composeFunction({
    ...env,
    LOG_LEVEL: 'DEBUG',
    UPSTASH_REDIS_REST_URL: nowhere,
    CONSUL_URL: nowhere,
    PROMETHEUS_URL: nowhere,
  });
  const answer = await assign(allocate);
  const lines = output.mock.calls.join('\n');
  output.mockRestore();

  expect(answer).toMatchObject({ success: false, code: 'upstream_unavailable', retryable: true });
  expect(lines).toContain('placement_failed');
  expect(JSON.stringify(answer) + lines).not.toMatch(/canary|127\.0\.0\.1/);
});

it('begins to read its secrets before anybody asks', async () => {
  const { env } = await startUpstreams();
  const ssm = await startServer(reply(200, { Parameters: [] }));
  vi.stubEnv('AWS_ENDPOINT_URL_SSM', ssm.url.href);

  composeFunction({ ...env, SSM_PATH: '/game-allocator/test' });

  await expect.poll(() => ssm.requests.length, PATIENT).toBe(1);
});

it('asks nobody without the secrets for it', async () => {
  const { env, asked } = await startUpstreams();
  vi.stubEnv('AWS_ENDPOINT_URL_SSM', `http://127.0.0.1:${await freePort()}`);
  const { allocate, handler } = composeFunction({ ...env, SSM_PATH: '/game-allocator/test', API_TOKENS: '' });

  expect(await assign(allocate)).toMatchObject({ code: 'upstream_unavailable' });
  const event = httpEvent({ body: '{}', headers: { authorization: 'Bearer x' } });
  const answer = await createHandler(assignRoute(allocate), handler)(event, lambdaContext());

  expect(answer).toMatchObject({ statusCode: 503 });
  expect(asked()).toBe(0);
});

it('reads its secrets anew once one is refused', async () => {
  const { env } = await startUpstreams();
  let token = 'canary-old';
  const redis = await startServer(upstash(() => token));
  const parameter = () => ({ Name: '/game-allocator/test/upstash-redis-rest-token', Value: token });
  const ssm = await startServer((...call) => reply(200, { Parameters: [parameter()] })(...call));
  vi.stubEnv('AWS_ENDPOINT_URL_SSM', ssm.url.href);
  const { allocate } = composeFunction({
    ...env,
    SSM_PATH: '/game-allocator/test',
    UPSTASH_REDIS_REST_URL: redis.url.href,
    UPSTASH_REDIS_REST_TOKEN: '',
  });
  await expect.poll(() => assign(allocate), PATIENT).toMatchObject({ success: true });

  token = 'canary-new';

  await expect.poll(() => assign(allocate), PATIENT).toMatchObject({ success: true });
});

it('refuses to start with a configuration that cannot work, and prints no value', () => {
  const env = { UPSTASH_REDIS_REST_URL: 'canary', GAME_CACHE_TTL: 'canary' };

  expect(() => composeFunction(env)).toThrow(ConfigError);
  expect(() => composeFunction(env)).not.toThrow(/canary/);
  expect(() => composeHealth({ LOG_LEVEL: 'canary' })).toThrow(ConfigError);
});

it('health needs nothing, is open, and tells no secret', async () => {
  const { service, handler } = composeHealth({ UPSTASH_REDIS_REST_TOKEN: 'canary', API_TOKENS: 'canary' });

  const answer = (await createHandler(healthRoute(service), handler)(httpEvent(), lambdaContext())) as HttpAnswer;

  expect(answer).toMatchObject({ statusCode: 200, body: '{"status":"ok","service":"game-allocator-service"}' });
});

it("decides in the relay's own process over TCP, and says so when Redis is not there", async () => {
  const { env, redis } = await startUpstreams();
  const variables = { ...env, UPSTASH_REDIS_REST_URL: '', REDIS_PORT: String(await freePort()) };
  const log = fakeLog();
  const config = toAllocatorConfig(readEnv(z.object(AllocatorVariables), { ...variables, REDIS_HOST: '127.0.0.1' }));

  const { allocate, close } = composeAllocator(config, log);

  await expect.poll(() => assign(allocate), PATIENT).toMatchObject({ success: false, code: 'upstream_unavailable' });
  close();
  expect(log.events()).toContain('placement_failed');
  expect(redis.requests).toEqual([]);
});

it('measures what a deployed function asks, and writes that to its log', async () => {
  const { env } = await startUpstreams();
  const lines: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
  onTestFinished(() => void vi.restoreAllMocks());
  const { allocate } = composeFunction({ ...env, STAGE: 'prod' });

  await expect.poll(() => assign(allocate), PATIENT).toMatchObject({ success: true });
  vi.useFakeTimers({ now: Date.now() + 5000, toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  await assign(allocate);

  const figures = lines.filter((line) => line.startsWith('{"_aws"')).map((line) => JSON.parse(line));
  expect(figures[0]).toMatchObject({ Stage: 'prod', cold_starts: 1 });
  const measured = new Set(figures.flatMap((line) => Object.keys(line).filter((name) => name.endsWith('_ms'))));
  const ages = ['view_age_consul_ms', 'view_age_prometheus_ms'];
  expect([...measured].toSorted()).toEqual(['consul_ms', 'prometheus_ms', 'redis_ms', 'total_ms', ...ages]);
});

it('calls no start cold that nobody waited for', async () => {
  const { env } = await startUpstreams();
  const lines: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
  onTestFinished(() => void vi.restoreAllMocks());
  const provisioned = { AWS_LAMBDA_INITIALIZATION_TYPE: 'provisioned-concurrency' };

  await assign(composeFunction({ ...env, ...provisioned, STAGE: 'prod' }).allocate);

  const [figures] = lines.filter((line) => line.startsWith('{"_aws"'));
  expect(JSON.parse(figures!)).not.toHaveProperty('cold_starts');
});

it('measures in the relay what it asks', async () => {
  const { env } = await startUpstreams();
  const config = toAllocatorConfig(readEnv(z.object(AllocatorVariables), env));
  const meter = createRelayMeter();
  const { allocate, close } = composeAllocator(config, fakeLog(), { meter });

  await expect.poll(() => assign(allocate), PATIENT).toMatchObject({ success: true });
  close();

  const { consul, prometheus, redis, call } = meter.stages;
  for (const { count, sum } of [consul, prometheus, redis]) expect([count > 0, sum > 0]).toEqual([true, true]);
  expect(call.count).toBe(0); // the relay's own to tell
  expect(meter.viewAgesMs).toEqual({ consul: expect.any(Number), prometheus: expect.any(Number) });
});

it('decides in the relay over HTTP where Upstash is given', async () => {
  const { env } = await startUpstreams();
  const config = toAllocatorConfig(readEnv(z.object(AllocatorVariables), env));

  const { allocate, close } = composeAllocator(config, fakeLog());

  await expect.poll(() => assign(allocate), PATIENT).toMatchObject({ success: true });
  close();
});
