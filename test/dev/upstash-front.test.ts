import { createHash } from 'node:crypto';
import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startRedis } from '../../dev/servers/redis.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { startUpstashFront, type UpstashFront } from '../../dev/upstash/start-upstash-front.ts';

const TOKEN = 'a-token';
const FLAG = '#!lua flags=allow-key-locking\n';
const TRICKY = ['', 'OK', '"quoted"', 'игра/1', '\u0000\u0001\n', '😀', '10.0.0.3', 'T0s=', '007'];

let server: RunningServer;
let front: UpstashFront;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  front = await startUpstashFront({ redisUrl: server.url, token: TOKEN });
  redis = client();
});

beforeEach(async () => {
  await redis.flushall();
});

afterAll(async () => {
  await front.stop();
  await server.stop();
});

it.each(['base64', false] as const)(
  'keeps every string as it is with response encoding %s',
  async (responseEncoding) => {
    const sdk = client({ responseEncoding });

    for (const value of TRICKY) {
      expect(await sdk.set('k', value)).toBe('OK');
      expect(await sdk.get('k')).toBe(value);
      expect(await sdk.eval('return {ARGV[1], {ARGV[1]}}', [], [value])).toEqual([value, [value]]);
    }
  },
);

it('answers what each kind of reply is in Redis', async () => {
  await redis.hset('h', { a: '1', b: 'x' });

  expect(await redis.get('absent')).toBeNull();
  expect(await redis.incr('n')).toBe(1);
  expect(await redis.ping()).toBe('PONG');
  expect(await redis.type('h')).toBe('hash');
  expect(await redis.exec(['hgetall', 'h'])).toEqual(['a', '1', 'b', 'x']);
  expect(await redis.mget('n', 'absent')).toEqual(['1', null]);
  expect(await redis.exec(['mset', 'x', '1', 'y', '2'])).toBe('OK');
  expect(await redis.eval('return {1, false, redis.status_reply("OK")}', [], [])).toEqual([1, null, 'OK']);
});

it('runs a script with the flag of Upstash on a Redis that refuses it, by text and by its own SHA-1', async () => {
  const script = redis.createScript<string>(`${FLAG}return KEYS[1] .. ARGV[1]`);
  const before = front.requests();

  await expect(script.evalsha(['k'], ['1'])).rejects.toThrow(/NOSCRIPT/);
  expect(await script.exec(['k'], ['1'])).toBe('k1');
  expect(await script.exec(['k'], ['2'])).toBe('k2');
  expect(await script.eval(['k'], ['3'])).toBe('k3');

  // EVALSHA, EVALSHA and EVAL, EVALSHA, EVAL
  expect(front.requests() - before).toBe(5);
});

it('loads a flagged script under the name that the client computes', async () => {
  const text = `${FLAG}return 'loaded'`;
  const sha = await redis.scriptLoad(text);

  expect(sha).toBe(createHash('sha1').update(text).digest('hex'));
  expect(await redis.scriptExists(sha)).toEqual([1]);
  expect(await redis.evalsha(sha, [], [])).toBe('loaded');
});

it('leaves other flags and scripts without any alone', async () => {
  const readonly = '#!lua flags=no-writes,allow-key-locking\nreturn redis.call("set", KEYS[1], 1)';

  await expect(redis.eval(readonly, ['k'], [])).rejects.toThrow(/Write commands are not allowed/);
  await expect(redis.eval(`${FLAG}\nerror('here')`, [], [])).rejects.toThrow(/user_script:3: here/);
  expect(await redis.eval('return 1', [], [])).toBe(1);
});

it('answers NOSCRIPT again when Redis has forgotten its scripts, so that the client sends the text', async () => {
  const script = redis.createScript<number>(`${FLAG}return 7`);
  await script.exec([], []);
  await redis.scriptFlush();

  await expect(script.evalsha([], [])).rejects.toThrow(/NOSCRIPT/);
  expect(await script.exec([], [])).toBe(7);
});

it('answers a pipeline item by item, errors in their places', async () => {
  await redis.set('text', 'x');
  const before = front.requests();

  const results = await redis.pipeline().set('a', '1').incr('text').get('a').exec({ keepErrors: true });

  expect(results).toEqual([
    { error: undefined, result: 'OK' },
    { error: 'ERR value is not an integer or out of range', result: undefined },
    { error: undefined, result: '1' },
  ]);
  expect(front.requests() - before).toBe(1);
});

it('runs a transaction as one, and refuses it as one', async () => {
  expect(await redis.multi().set('a', '1').incr('a').get('a').exec()).toEqual(['OK', 2, '2']);
  await expect(redis.multi().set('a', '9').hset('', {}).exec()).rejects.toThrow(/EXECABORT/);
  expect(await redis.get('a')).toBe('2');
});

it('gives the error text of Redis with status 400, and refuses what is no command', async () => {
  await redis.set('text', 'x');

  await expect(redis.exec(['hget', 'text', 'f'])).rejects.toThrow(/WRONGTYPE Operation against a key/);
  expect(await raw('/', JSON.stringify(['nonsense']), TOKEN)).toMatchObject({ status: 400 });
  expect(await raw('/', '{', TOKEN)).toMatchObject({ status: 400, body: { error: 'ERR failed to parse command' } });
  expect(await raw('/pipeline', JSON.stringify(['get', 'k']), TOKEN)).toMatchObject({ status: 400 });
});

it.each([
  { token: 'another', what: 'a wrong token' },
  { token: undefined, what: 'no token' },
])('refuses $what with 401 and runs nothing', async ({ token }) => {
  const before = front.requests();

  const answer = await raw('/', JSON.stringify(['set', 'k', '1']), token);

  expect(answer).toEqual({ status: 401, body: { error: 'Unauthorized' }, sync: null });
  expect(front.requests()).toBe(before);
  expect(await redis.get('k')).toBeNull();
});

it('sends a sync token that moves, and plain text where base64 is not asked for', async () => {
  const first = await raw('/', JSON.stringify(['set', 'k', 'v']), TOKEN);
  const second = await raw('/', JSON.stringify(['get', 'k']), TOKEN);

  expect(second).toMatchObject({ status: 200, body: { result: 'v' } });
  expect(first.sync).toBeTruthy();
  expect(second.sync).not.toBe(first.sync);
});

it('counts requests and commands, also over HTTP', async () => {
  const before = { requests: front.requests(), commands: front.commands() };

  await redis.set('a', '1');
  await redis.pipeline().get('a').get('a').get('a').exec();

  expect(front.requests() - before.requests).toBe(2);
  expect(front.commands() - before.commands).toBe(4);
  const counted = await (await fetch(`${front.url}/__counters`)).json();
  expect(counted).toEqual({ requests: front.requests(), commands: front.commands() });
});

it('answers 503 at once while Redis is down, also to what was under way, and is well again after', async () => {
  server.signal('SIGSTOP');
  const before = front.requests();
  const underWay = raw('/', JSON.stringify(['get', 'k']), TOKEN);
  await expect.poll(() => front.requests(), { timeout: 30_000 }).toBe(before + 1);
  server.signal('SIGKILL');

  expect(await underWay).toMatchObject({ status: 503 });
  const refused = await raw('/', JSON.stringify(['get', 'k']), TOKEN);
  expect(refused).toMatchObject({ status: 503, body: { error: expect.stringContaining('not reachable') } });

  await server.restart();
  await expect.poll(async () => (await raw('/', '["ping"]', TOKEN)).status, { timeout: 30_000 }).toBe(200);
});

it('waits while Redis is stopped', async () => {
  server.signal('SIGSTOP');
  let answered = false;
  const waiting = raw('/', JSON.stringify(['ping']), TOKEN).finally(() => {
    answered = true;
  });
  const other = await raw('/', JSON.stringify(['ping']), 'another');

  expect(other.status).toBe(401);
  expect(answered).toBe(false);
  server.signal('SIGCONT');
  expect(await waiting).toMatchObject({ status: 200, body: { result: 'PONG' } });
});

function client(options: { responseEncoding?: 'base64' | false } = {}): Redis {
  return new Redis({
    url: front.url,
    token: TOKEN,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    retry: { retries: 0 },
    ...options,
  });
}

async function raw(path: string, body: string, token?: string) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(front.url + path, { method: 'POST', body, headers });
  return { status: response.status, body: await response.json(), sync: response.headers.get('upstash-sync-token') };
}
