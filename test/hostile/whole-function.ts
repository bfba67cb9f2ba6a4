import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { startRedis } from '../../dev/servers/redis.ts';
import { startUpstashFront } from '../../dev/upstash/start-upstash-front.ts';
import { createHandler, type HttpAnswer } from '../../lib/adapters/lambda/create-handler.ts';
import { assignRoute } from '../../lib/adapters/lambda/routes.ts';
import { FAILURES, type FailureCode } from '../../lib/api/outcomes.ts';
import { composeFunction } from '../../lib/compose.ts';
import { healthEntry } from '../adapters/consul/health-entry.ts';
import { httpEvent, lambdaContext } from '../support/fakes.ts';
import { type Listener, reply, startServer, type TestServer } from '../support/http-server.ts';
import { expectNothingLeaked } from './no-leak.ts';

/** In every text that an upstream sends here and that is not ours to repeat. */
export const FOREIGN = 'foreign-text';

const TOKENS = { redis: 'canary-redis', consul: 'canary-consul', prometheus: 'canary-prometheus', api: 'canary-api' };

/** A cold call on a crowded machine may miss its own short limits a few times. */
export const PATIENT = { timeout: 20_000, interval: 20 };

/** Two healthy instances. */
export const GOOD_LIST = reply(200, [
  healthEntry({ id: 'game-3', address: '10.0.0.3' }),
  healthEntry({ id: 'game-4', address: '10.0.0.4' }),
]);
/** The load of both. */
export const GOOD_LOAD = vectorOf([...series('10.0.0.3'), ...series('10.0.0.4')]);

export interface Upstreams {
  readonly consul?: Listener;
  readonly prometheus?: Listener;
  /** What stands before the real Redis's REST front; `pass` hands a request on to it. */
  readonly redis?: (pass: Listener) => Listener;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

/** A whole function in this process, with its handler, its adapters, its script and a real Redis. */
export interface WholeFunction {
  /** Asks as a caller over HTTPS; every answer is checked for its shape, and for leaks. */
  ask(gameId?: string): Promise<Answer>;
  /** Asks for new games until one gets an instance. */
  askUntilPlaced(): Promise<Answer>;
  /** From now on they answer so. */
  change(upstreams: Pick<Upstreams, 'consul' | 'prometheus' | 'redis'>): void;
  /** Text of the record. */
  record(gameId: string): Promise<string | null>;
  /** Games that the function's notes have in Redis. */
  notes(): Promise<readonly string[]>;
  /** What the last placement call said of each candidate, in the order of script-call.ts. */
  rows(): readonly (readonly unknown[])[];
  /** The ids of those, and which of them have samples. */
  candidates(): { readonly ids: readonly string[]; readonly sampled: readonly string[] };
  readonly servers: Readonly<Record<'consul' | 'prometheus' | 'redis', TestServer>>;
  readonly redis: Redis;
  /** Key of a game's record. */
  key(gameId: string): string;
}

/** One number of the list of hostile inputs, that concerns what an upstream answers. */
export interface UpstreamCase {
  /** Begins with its group and number. */
  readonly name: string;
  run(start: StartFunction): Promise<unknown>;
}

/** Starts a function whose upstreams answer well, but for what is given. */
export type StartFunction = (upstreams?: Upstreams) => Promise<WholeFunction>;

/** Starts Redis and its front for the tests of a file; gives what starts functions on them. */
export function useWholeFunctions(): StartFunction {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let front: Awaited<ReturnType<typeof startUpstashFront>>;
  let redis: Redis;
  const lines: string[] = [];
  beforeAll(async () => {
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean(lines.push(String(text))));
    server = await startRedis();
    front = await startUpstashFront({ redisUrl: server.url, token: TOKENS.redis });
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    redis.disconnect();
    await front.stop();
    await server.stop();
    // Nobody may have logged what others said, nor a token.
    expect(lines.join('')).not.toMatch(/foreign-text|canary/);
    expect(lines.join('')).not.toContain('handler_failed');
  });

  return async ({ consul = GOOD_LIST, prometheus = GOOD_LOAD, redis: before, env = {} } = {}) => {
    const now = { consul, prometheus, redis: before ?? ((pass: Listener) => pass) };
    const pass: Listener = (request, response, body) => {
      fetch(front.url, { method: 'POST', body, headers: { authorization: String(request.headers.authorization) } })
        .then(async (answer) => response.writeHead(answer.status).end(await answer.text()))
        .catch(() => response.destroy());
    };
    const servers = {
      consul: await startServer((...call) => now.consul(...call)),
      prometheus: await startServer((...call) => now.prometheus(...call)),
      redis: await startServer((...call) => now.redis(pass)(...call)),
    };
    const prefix = `t${crypto.randomUUID()}`;
    const { allocate, handler } = composeFunction({
      LOG_LEVEL: 'DEBUG',
      UPSTASH_REDIS_REST_URL: servers.redis.url.href,
      UPSTASH_REDIS_REST_TOKEN: TOKENS.redis,
      CONSUL_URL: servers.consul.url.href,
      CONSUL_TOKEN: TOKENS.consul,
      PROMETHEUS_URL: servers.prometheus.url.href,
      PROMETHEUS_TOKEN: TOKENS.prometheus,
      API_TOKENS: TOKENS.api,
      RECORD_PREFIX: `${prefix}-games`,
      STATE_PREFIX: prefix,
      // Asked anew for each request, so that nothing here waits for a view to grow old.
      FLEET_FRESH_MS: '0',
      ...env,
    });
    const assign = createHandler(assignRoute(allocate), handler);
    const state = `${prefix}:v1:game-service`;
    const key = (gameId: string) => `${prefix}-games:${gameId}`;

    async function ask(gameId: string = crypto.randomUUID()): Promise<Answer> {
      const headers = { authorization: `Bearer ${TOKENS.api}`, 'timeout-ms': '3000' };
      const event = httpEvent({ body: JSON.stringify({ game_id: gameId }), headers });
      const { statusCode, body } = (await assign(event, lambdaContext())) as HttpAnswer;
      expectNothingLeaked(body, [FOREIGN, 'canary']);
      const json = JSON.parse(body) as Answer['json'];
      if (json['success'] !== true) expectFailure(statusCode, json);
      // No success without a record, and none that says something else.
      else expect(await redis.get(key(gameId))).toBe(JSON.stringify(json['instance_id']));
      return { status: statusCode, json };
    }

    function rows(): readonly (readonly unknown[])[] {
      const call = servers.redis.requests.findLast(({ body }) => body.startsWith('["eval'));
      return JSON.parse(JSON.parse(call?.body ?? '[]').at(-1)).candidates;
    }

    return {
      ask,
      async askUntilPlaced() {
        let answer = await ask();
        await expect
          .poll(async () => {
            if (!answer.json['success']) answer = await ask();
            return answer.json;
          }, PATIENT)
          .toMatchObject({ success: true });
        return answer;
      },
      change: (upstreams) => void Object.assign(now, upstreams),
      record: (gameId) => redis.get(key(gameId)),
      notes: async () => (await redis.hkeys(state)).filter((field) => field.startsWith('g:')),
      rows,
      candidates: () => ({
        ids: rows().map(idOf).sort(),
        sampled: rows()
          .filter((row) => row[4] !== false)
          .map(idOf)
          .sort(),
      }),
      servers,
      redis,
      key,
    };
  };
}

function idOf(row: readonly unknown[]): string {
  return String(row[0]);
}

function expectFailure(status: number, json: Answer['json']): void {
  const row = FAILURES[json['code'] as FailureCode];
  expect(status).toBe(row.status);
  expect(json).toEqual({
    success: false,
    code: json['code'],
    message: expect.any(String),
    retryable: row.retryable,
  });
}

/** A Prometheus answer with these series. */
export function vectorOf(result: readonly (object | null)[], more: object = {}): Listener {
  return reply(200, { status: 'success', data: { resultType: 'vector', result }, ...more });
}

/** CPU, RAM and time of one instance, as texts. */
export function series(host: string, { cpu = '1', ram = '1e9', ts = nowS(), label = 'instance' } = {}) {
  return Object.entries({ cpu, ram, ts }).map(([m, text]) => ({
    metric: { [label]: `${host}:8080`, m },
    value: [Date.now() / 1000, text],
  }));
}

export function nowS(ageS = 0): string {
  return String(Date.now() / 1000 - ageS);
}
