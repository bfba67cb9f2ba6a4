import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createUpstashClient } from '../../../lib/adapters/upstash/upstash-client.ts';
import type { RedisClient } from '../../../lib/app/ports.ts';
import { breakOff, freePort, type Listener, noLimit, reply, startServer } from '../../support/http-server.ts';
import { limitFor, UPSTREAM_FAULTS } from '../../support/upstream-faults.ts';

const SOURCE = 'return ARGV[1]';
const SCRIPT = { source: SOURCE, sha1: createHash('sha1').update(SOURCE).digest('hex') };
const SENT_SOURCE = `#!lua flags=allow-key-locking\n${SOURCE}`;
const SENT_SHA1 = createHash('sha1').update(SENT_SOURCE).digest('hex');

it('runs a script that is known in one call, by the SHA-1 of what Upstash was given', async () => {
  const server = await startServer(reply(200, { result: 'answer' }));

  const answer = await client(server.url).runScript(SCRIPT, ['k1', 'k2'], ['a'], noLimit());

  expect(answer).toBe('answer');
  expect(server.requests).toMatchObject([
    {
      method: 'POST',
      url: '/',
      body: JSON.stringify(['evalsha', SENT_SHA1, 2, 'k1', 'k2', 'a']),
      headers: { authorization: 'Bearer token', 'content-type': 'application/json' },
    },
  ]);
  expect(server.requests[0]?.headers['upstash-encoding']).toBeUndefined();
  expect(server.requests[0]?.headers['upstash-telemetry-sdk']).toBeUndefined();
});

it('sends the source, with the flag that Upstash needs, when the script is not known', async () => {
  const server = await startServer(
    inTurn(reply(400, { error: 'NOSCRIPT No matching script.' }), reply(200, { result: 'answer' })),
  );

  expect(await client(server.url).runScript(SCRIPT, ['k'], ['a'], noLimit())).toBe('answer');

  expect(server.requests.map(({ body }) => JSON.parse(body))).toEqual([
    ['evalsha', SENT_SHA1, 1, 'k', 'a'],
    ['eval', SENT_SOURCE, 1, 'k', 'a'],
  ]);
});

it('sends get and set as one command each', async () => {
  const server = await startServer(inTurn(reply(200, { result: 'OK' }), reply(200, { result: null })));
  const redis = client(server.url);

  await redis.set('k', '"10.0.0.3"', 70, noLimit());
  expect(await redis.get('k', noLimit())).toBeUndefined();

  expect(server.requests.map(({ body }) => JSON.parse(body))).toEqual([
    ['set', 'k', '"10.0.0.3"', 'ex', 70],
    ['get', 'k'],
  ]);
});

it('takes a new token at the next call', async () => {
  const server = await startServer(reply(200, { result: 'v' }));
  let token = 'old';
  const redis = createUpstashClient({ url: server.url, token: () => token });
  await redis.get('k', noLimit());

  token = 'new';
  await redis.get('k', noLimit());

  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
});

it.each([
  ...UPSTREAM_FAULTS.map((row) => ({
    ...row,
    outcome: row.failure === 'invalid_body' || row.failure === 'timeout' || row.status === 500 ? 'unknown' : 'none',
  })),
  { fault: 'answers 502', listener: reply(502, ''), failure: 'status', status: 502, outcome: 'unknown' },
  { fault: 'answers 504', listener: reply(504, ''), failure: 'status', status: 504, outcome: 'unknown' },
  {
    fault: 'is out of quota for now',
    listener: reply(429, { error: 'ERR too many requests' }),
    failure: 'status',
    status: 429,
    outcome: 'none',
  },
  {
    fault: 'has no Redis behind it',
    listener: reply(503, { error: 'ERR unavailable' }),
    failure: 'status',
    status: 503,
    outcome: 'none',
  },
  { fault: 'answers 404', listener: reply(404, 'Not found'), failure: 'status', status: 404, outcome: 'none' },
  { fault: 'answers nothing in JSON', listener: reply(200, {}), failure: 'invalid_body', outcome: 'unknown' },
  { fault: 'answers a list', listener: reply(200, [{ result: 'v' }]), failure: 'invalid_body', outcome: 'unknown' },
  {
    fault: 'answers a number where text belongs',
    listener: reply(200, { result: 7 }),
    failure: 'invalid_body',
    outcome: 'unknown',
  },
  { fault: 'breaks off', listener: breakOff, failure: 'reset', outcome: 'unknown' },
  {
    fault: 'refuses the token in words',
    listener: reply(400, { error: 'WRONGPASS invalid password' }),
    failure: 'refused',
    outcome: 'none',
  },
  {
    fault: 'asks for a token',
    listener: reply(400, { error: 'NOAUTH Authentication required.' }),
    failure: 'refused',
    outcome: 'none',
  },
  {
    fault: 'refuses the command',
    listener: reply(400, { error: "NOPERM this user has no permissions to run the 'set' command" }),
    failure: 'refused',
    outcome: 'none',
  },
  {
    fault: 'is over its quota',
    listener: reply(400, { error: 'ERR max requests limit exceeded' }),
    failure: 'error_reply',
    outcome: 'none',
  },
  {
    fault: 'answers an error with 200',
    listener: reply(200, { error: 'ERR odd' }),
    failure: 'error_reply',
    outcome: 'none',
  },
])('reports $failure, outcome $outcome, when Upstash $fault', async ({ listener, failure, outcome, ...rest }) => {
  const server = await startServer(listener);

  const answer = client(server.url).get('k', limitFor(failure));

  const status = 'status' in rest ? { status: rest.status } : {};
  await expect(answer).rejects.toMatchObject({ name: 'UpstreamError', upstream: 'redis', failure, outcome, ...status });
  expect(server.requests.length).toBe(1);
});

it('reports connect when nothing listens', async () => {
  const url = new URL(`http://127.0.0.1:${await freePort()}`);

  await expect(client(url).set('k', 'v', 1, noLimit())).rejects.toMatchObject({ failure: 'connect', outcome: 'none' });
});

it.each([
  { said: 'WRONGTYPE Operation against a key: hidden', code: 'WRONGTYPE' },
  { said: 'ERR Error running script (call to f_1): @user_script:1: WRONGTYPE Operation: hidden', code: 'WRONGTYPE' },
  { said: 'ERR hidden', code: 'ERR' },
  { said: 'hidden', code: 'ERR' },
])('keeps only the code of what Redis said: $code of "$said"', async ({ said, code }) => {
  const server = await startServer(reply(400, { error: `${said}, command was: ["set","k","hidden"]` }));

  const error: unknown = await client(server.url)
    .set('k', 'hidden', 1, noLimit())
    .catch((reason) => reason);

  expect(error).toMatchObject({ message: 'redis: error_reply 400', cause: { code } });
  const { message, stack, cause } = error as Error;
  expect([message, stack, (cause as Error).message, (cause as Error).stack].join()).not.toContain('hidden');
});

it('keeps what a broken answer says out of the error', async () => {
  const server = await startServer(reply(200, 'hidden'));

  const error: unknown = await client(server.url)
    .get('k', noLimit())
    .catch((reason) => reason);

  expect(error).toMatchObject({ failure: 'invalid_body', cause: undefined });
});

it('repeats a command whose idle connection was dead, and calls the outcome unknown if that fails too', async () => {
  const server = await startServer(
    inTurn(reply(200, { result: 'a' }), breakOff, reply(200, { result: 'b' }), breakOff, reply(429, '')),
  );
  const redis = client(server.url);
  expect(await redis.get('k', noLimit())).toBe('a');

  expect(await redis.get('k', noLimit())).toBe('b');
  await expect(redis.set('k', 'v', 1, noLimit())).rejects.toMatchObject({
    failure: 'status',
    status: 429,
    outcome: 'unknown',
  });

  expect(server.requests.length).toBe(5);
});

function client(url: URL): RedisClient {
  return createUpstashClient({ url, token: () => 'token' });
}

/** Answers each request with the next of `listeners`, and breaks off when there are no more. */
function inTurn(...listeners: Listener[]): Listener {
  return (request, response, body) => (listeners.shift() ?? breakOff)(request, response, body);
}
