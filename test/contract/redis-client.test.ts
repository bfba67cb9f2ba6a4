import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis } from '../../dev/servers/redis.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { startUpstashFront, type UpstashFront } from '../../dev/upstash/start-upstash-front.ts';
import { createRedisClient } from '../../lib/adapters/redis/redis-client.ts';
import { createUpstashClient } from '../../lib/adapters/upstash/upstash-client.ts';
import type { RedisClient, Script } from '../../lib/app/ports.ts';
import { createLuaPlacement } from '../../lib/placement/lua-placement.ts';
import { candidate, choice, onGame, placementConfig, request } from '../support/placement.ts';

/** What the suite needs of each adapter's surroundings. */
interface Backend {
  readonly name: string;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Ends what the client talks to, at once. */
  readonly kill: () => Promise<void>;
  readonly restart: () => Promise<void>;
  readonly flushScripts: () => Promise<void>;
  /** For the Redis behind it all. */
  readonly signal: (name: NodeJS.Signals) => void;
  readonly createClient: (secret?: string) => RedisClient & { close?(): void };
}

const SECRET = 'right-secret';
const LONG_MS = 30_000;

/** Returns its argument and what is under its key. */
const ECHO = script(
  "local held = redis.call('GET', KEYS[1]) return cjson.encode({ key = KEYS[1], arg = ARGV[1], held = held or 'none' })",
);
const STORE = script("redis.call('SET', KEYS[1], ARGV[1]) return ARGV[1]");

describe.each([tcpBackend(), upstashBackend()])('$name', (backend) => {
  let client: ReturnType<Backend['createClient']>;

  beforeAll(async () => {
    await backend.start();
    client = backend.createClient();
  });
  afterAll(async () => {
    client?.close?.();
    await backend.stop();
  });

  it('runs a script that the server does not know, and again when it does', async () => {
    for (let i = 0; i < 2; i += 1) {
      const reply = await client.runScript(ECHO, ['k'], ['v'], limit());
      expect(JSON.parse(reply)).toEqual({ key: 'k', arg: 'v', held: 'none' });
    }
  });

  it('runs a script that the server has forgotten', async () => {
    await client.runScript(STORE, ['before'], ['1'], limit());
    await backend.flushScripts();

    expect(await client.runScript(STORE, ['after'], ['2'], limit())).toBe('2');
  });

  it.each([
    '"10.0.0.3"',
    '10.0.0.3',
    '123456789012',
    '12345678901234567890123',
    '1e3',
    '007',
    'null',
    'true',
    '[1,2]',
    '{"a":1}',
    'with "quotes" and \\backslash',
    'a/b',
    'игра-сессия',
    '🎮👩‍👩‍👧',
    '',
    ' ',
    'line\nfeed\tand\u0000zero',
    'dGV4dA==',
  ])('keeps the text %j as it is: as a value, a key, an argument and a reply', async (text) => {
    const key = `text:${text}`;
    await client.set(key, text, 60, limit());

    expect(await client.get(key, limit())).toBe(text);
    expect(await client.runScript(STORE, [key], [text], limit())).toBe(text);
    const reply = await client.runScript(ECHO, [key], [text], limit());
    expect(JSON.parse(reply)).toEqual({ key, arg: text, held: text });
  });

  it('gives undefined for a key that is not there', async () => {
    expect(await client.get('missing', limit())).toBeUndefined();
  });

  it('sets a time to live', async () => {
    await client.set('short', 'v', 70, limit());

    const ttl = await client.runScript(script("return tostring(redis.call('TTL', KEYS[1]))"), ['short'], [], limit());
    expect(Number(ttl)).toBeGreaterThan(50);
    expect(Number(ttl)).toBeLessThanOrEqual(70);
  });

  it('calls a key of another type an error reply, in get and in a script, without its text', async () => {
    await client.runScript(script("redis.call('HSET', KEYS[1], 'f', 'v') return ''"), ['hash'], [], limit());

    for (const call of [client.get('hash', limit()), client.runScript(ECHO, ['hash'], ['hidden-value'], limit())]) {
      const error = await rejection(call);
      expect(error).toMatchObject({
        name: 'UpstreamError',
        upstream: 'redis',
        failure: 'error_reply',
        outcome: 'none',
      });
      expect(error).toMatchObject({ cause: { code: 'WRONGTYPE' } });
      expect(deepText(error)).not.toContain('hidden-value');
    }
  });

  it('calls a script that cannot be compiled an error reply', async () => {
    const error = await rejection(client.runScript(script('this is not Lua'), [], [], limit()));

    expect(error).toMatchObject({ failure: 'error_reply', outcome: 'none' });
  });

  it('calls a reply that is not text an invalid body', async () => {
    const error = await rejection(client.runScript(script('return 7'), [], [], limit()));

    expect(error).toMatchObject({ failure: 'invalid_body', outcome: 'unknown' });
  });

  it('carries 64 calls at once, each with its own answer', async () => {
    const calls = Array.from({ length: 64 }, (_, i) => client.runScript(STORE, [`c:${i}`], [`v:${i}`], limit()));

    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => `v:${i}`));
  });

  it.each(['wrong-secret', undefined])('calls the secret %s refused', async (secret) => {
    const stranger = backend.createClient(secret === undefined ? '' : secret);
    try {
      for (let i = 0; i < 2; i += 1) {
        const error = await rejection(stranger.get('k', limit()));
        expect(error).toMatchObject({ failure: 'refused', outcome: 'none' });
        expect(deepText(error)).not.toContain('wrong-secret');
      }
    } finally {
      stranger.close?.();
    }
  });

  it('carries out every operation of the placement script, in one call and in its order', async () => {
    const config = placementConfig();
    const placement = createLuaPlacement(client, config, Date.now);
    const requests = [
      onGame('lookup', 'g1'),
      request({ gameId: 'g1' }),
      choice(),
      onGame('renew', 'g1'),
      onGame('release', 'g1'),
      onGame('release', 'g1'),
    ];

    const { results } = await placement.place(
      { candidates: [candidate('10.0.0.3')], newestSampleS: undefined, requests },
      limit(),
    );

    expect(results).toMatchObject([
      { kind: 'not_found' },
      { kind: 'placed', instanceId: '10.0.0.3' },
      { kind: 'chosen', instance: { id: '10.0.0.3' } },
      { kind: 'found', instanceId: '10.0.0.3', expiresInS: 70 },
      { kind: 'released' },
      { kind: 'unknown' },
    ]);
    expect(await client.get(`${config.recordPrefix}:g1`, limit())).toBeUndefined();
  });

  it('sends nothing when the limit has passed before', async () => {
    const error = await rejection(client.set('never', 'v', 60, AbortSignal.abort()));

    expect(error).toMatchObject({ failure: 'timeout', outcome: 'none' });
    expect(await client.get('never', limit())).toBeUndefined();
  });

  it('times out with the outcome unknown while the server stands still, and works again after', async () => {
    await client.set('still', 'before', 60, limit());
    backend.signal('SIGSTOP');
    try {
      const error = await rejection(client.get('still', AbortSignal.timeout(200)));
      expect(error).toMatchObject({ failure: 'timeout', outcome: 'unknown' });
    } finally {
      backend.signal('SIGCONT');
    }

    await eventually(async () => expect(await client.get('still', limit())).toBe('before'));
  });

  it('says that nothing was sent while the server is gone, and works again after, without a new client', async () => {
    await client.set('gone', 'v', 60, limit());
    await backend.kill();

    // The first call may still go out on a connection that is just being closed.
    await eventually(async () => {
      expect(await rejection(client.get('gone', limit()))).toMatchObject({ failure: 'connect', outcome: 'none' });
    });
    await backend.restart();

    await eventually(async () => void (await client.set('back', 'v', 60, limit())));
    expect(await client.runScript(STORE, ['back'], ['w'], limit())).toBe('w');
  });
});

function tcpBackend(): Backend {
  let redis: RunningServer;
  return {
    name: 'Redis over TCP',
    start: async () => {
      redis = await startRedis({ password: SECRET });
    },
    stop: async () => redis?.stop(),
    kill: async () => redis.signal('SIGKILL'),
    restart: () => redis.restart(),
    flushScripts: () => flushScripts(redis),
    signal: (name) => redis.signal(name),
    createClient: (secret = SECRET) =>
      createRedisClient({
        host: '127.0.0.1',
        port: redis.port,
        db: 0,
        password: () => (secret === '' ? undefined : secret),
      }),
  };
}

function upstashBackend(): Backend {
  let redis: RunningServer;
  let front: UpstashFront;
  return {
    name: 'Upstash over REST',
    start: async () => {
      redis = await startRedis();
      front = await startUpstashFront({ redisUrl: redis.url, token: SECRET });
    },
    stop: async () => {
      await front?.stop();
      await redis?.stop();
    },
    kill: () => front.stop(),
    restart: async () => {
      front = await startUpstashFront({ redisUrl: redis.url, token: SECRET, port: Number(new URL(front.url).port) });
    },
    flushScripts: () => flushScripts(redis),
    signal: (name) => redis.signal(name),
    createClient: (secret = SECRET) =>
      createUpstashClient({ url: new URL(front.url), token: () => (secret === '' ? undefined : secret) }),
  };
}

function script(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

async function flushScripts(redis: RunningServer): Promise<void> {
  const connection = new Redis(redis.url);
  await connection.script('FLUSH');
  connection.disconnect();
}

function limit(): AbortSignal {
  return AbortSignal.timeout(LONG_MS);
}

async function rejection(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    (value) => expect.fail(`resolved with ${String(value)}`),
    (error: unknown) => error,
  );
}

/** Everything that a careless logger could print of an error. */
function deepText(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? '';
  return [error.message, error.stack, JSON.stringify(error), deepText(error.cause)].join('\n');
}

async function eventually(check: () => Promise<void>): Promise<void> {
  await vi.waitFor(check, { timeout: LONG_MS, interval: 20 });
}
