import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { createHttpClient } from '../../lib/adapters/http/http-client.ts';
import { createRedisClient } from '../../lib/adapters/redis/redis-client.ts';
import { createUpstashClient } from '../../lib/adapters/upstash/upstash-client.ts';
import { OPS, type Op } from '../../lib/api/op.ts';
import { createAllocate } from '../../lib/api/operations.ts';
import type { Reply } from '../../lib/api/outcomes.ts';
import { readReply } from '../../lib/api/reply.ts';
import type { RedisClient } from '../../lib/app/ports.ts';
import { createServeRequests } from '../../lib/app/serve-requests.ts';
import { isInstanceId } from '../../lib/domain/ids.ts';
import { createLuaPlacement } from '../../lib/placement/lua-placement.ts';
import { createForward, createPost } from '../../lib/relay/forward.ts';
import { fakeLog, fleetOf, loadReport, noInsight, openView } from '../support/fakes.ts';
import { placementConfig } from '../support/placement.ts';
import type { Random } from '../support/random.ts';
import { FUZZ_TIMEOUT_MS, fixture, fuzz, mutateHttp, startRawHttpServer, startRawServer } from './fuzz.ts';
import { mutateBytes, mutateJson } from './mutate.ts';

/** One item of each operation that a placement call is made for, in the order in which the fixtures answer them. */
const PLACING = ['assign', 'lookup', 'renew', 'release', 'instance'] as const satisfies readonly Op[];

/** The allocator with that Redis, two instances, and nothing else that could go wrong. */
async function allocateAll(redis: RedisClient, signal: AbortSignal): Promise<readonly Reply[]> {
  const log = fakeLog();
  const view = { list: fleetOf(2), load: loadReport(), degraded: [] };
  const serve = createServeRequests({
    views: { open: async () => openView(view), noteAbsent: () => {} },
    placement: createLuaPlacement(redis, placementConfig(), Date.now),
    clock: Date.now,
    random: Math.random,
    log,
    reassigns: true,
    insight: noInsight,
  });
  const services = [{ name: 'game-service', hasGames: true, serve }];
  const allocate = createAllocate({ services, clock: Date.now, strategies: [] });
  const items = PLACING.map((op) => ({ op, request: { game_id: 'a' }, budget_ms: 2000 }));
  const replies = await allocate(items, signal);
  expect(log.events().filter((event) => event !== 'placement_failed')).toEqual([]);
  return replies;
}

/** Each reply is what its operation promises, to the letter; and a game is nowhere but where it can be. */
function expectPromised(ops: readonly Op[], replies: readonly Reply[]): void {
  expect(replies).toHaveLength(ops.length);
  for (const [index, reply] of replies.entries()) {
    expect(readReply(ops[index]!, reply)).toEqual(reply);
    if ('instance_id' in reply) expect(reply.instance_id).toSatisfy(isInstanceId);
  }
}

const isFailure = (reply: Reply) => !reply.success;

it(
  'whatever Upstash answers, a reply is a whole one',
  async () => {
    const server = await startRawHttpServer();
    const url = new URL(`http://127.0.0.1:${server.port}`);
    let whole = 0;

    await fuzz({
      name: 'upstash',
      kept: [],
      mutate: mutateHttp(['upstash.http']),
      read(bytes, signal) {
        server.answer = bytes;
        return allocateAll(createUpstashClient({ url, token: () => 'token' }), signal);
      },
      check(replies) {
        expectPromised(PLACING, replies);
        if (!replies.every(isFailure)) whole += 1;
      },
    });

    expect(whole).toBeGreaterThan(20);
  },
  FUZZ_TIMEOUT_MS,
);

it(
  'whatever the script is said to have answered, a reply is a whole one',
  async () => {
    const text = (JSON.parse(fixture('upstash.http').toString().split('\r\n\r\n')[1] ?? '') as { result: string })
      .result;
    let whole = 0;

    await fuzz({
      name: 'script',
      kept: ['script-1795612558959-11396'], // a record with more time left than there is
      mutate: (random) => Buffer.from(mutateJson(text, random)),
      read(bytes, signal) {
        const answers = { runScript: async () => bytes.toString(), get: async () => undefined, set: async () => {} };
        return allocateAll(answers, signal);
      },
      check(replies) {
        expectPromised(PLACING, replies);
        if (!replies.every(isFailure)) whole += 1;
      },
    });

    expect(whole).toBeGreaterThan(20);
  },
  FUZZ_TIMEOUT_MS,
);

it(
  'whatever Redis answers over TCP, a reply is a whole one',
  async () => {
    const server = await startRawServer(answerCommands);
    let placed = 0;

    await fuzz({
      name: 'redis',
      kept: [],
      mutate: mutateReply,
      async read(bytes, signal) {
        server.answer = bytes;
        const redis = createRedisClient({ host: '127.0.0.1', port: server.port, db: 0, password: () => undefined });
        try {
          return await allocateAll(redis, signal);
        } finally {
          redis.close();
        }
      },
      check(replies) {
        expectPromised(PLACING, replies);
        if (!replies.every(isFailure)) placed += 1;
      },
    });

    expect(placed).toBeGreaterThan(20);
  },
  FUZZ_TIMEOUT_MS,
);

it(
  'whatever the function answers, a relay has a whole reply for each item, or none for all',
  async () => {
    const server = await startRawHttpServer();

    const counts = await fuzz({
      name: 'function',
      // An instance id that is none, in what `explain` tells.
      kept: ['function-1795629557769-11501'],
      mutate: mutateHttp(['function.http', 'function-failures.http']),
      read(bytes, signal) {
        server.answer = bytes;
        const baseUrl = new URL(`http://127.0.0.1:${server.port}`);
        const http = createHttpClient({ upstream: 'allocator', baseUrl, maxResponseBytes: 1e6 });
        const items = OPS.map((op) => ({ op, request: { game_id: 'a' }, attempt: op }));
        return createForward(createPost({ http, path: '/batch' }), fakeLog())(items, signal);
      },
      check: (replies) => expectPromised(OPS, replies),
    });

    expect(Math.min(counts.sound, counts.refused)).toBeGreaterThan(50);
  },
  FUZZ_TIMEOUT_MS,
);

/** As Redis answers a client that connects; the script gets the mutated answer, and the connection ends. */
function answerCommands({ answer }: { readonly answer: Buffer }, socket: Socket, received: Buffer): boolean {
  const command = received.toString('latin1').toLowerCase();
  if (!command.endsWith('\r\n')) return false;
  if (command.includes('evalsha')) socket.end(answer);
  else socket.write(command.includes('hello') ? '%1\r\n$5\r\nproto\r\n:3\r\n' : '$20\r\nredis_version:7.0.15\r\n');
  return true;
}

/** In half of the cases only what is in the reply is another, in the others its framing as well. */
function mutateReply(random: Random): Buffer {
  const whole = fixture('redis.resp');
  if (random.whole(2) === 0) return firstReply(mutateBytes(whole, random, [whole]));
  const text = mutateJson(whole.toString().split('\r\n')[1] ?? '', random);
  return Buffer.from(`$${Buffer.byteLength(text)}\r\n${text}\r\n`);
}

/**
 * One reply and nothing behind it: a null that nobody has asked for is more than ioredis 6.0 can bear (it throws where
 * nobody can catch it), and no Redis sends it.
 */
function firstReply(bytes: Buffer): Buffer {
  const end = endOfReply(bytes, 0);
  return end === undefined ? bytes : bytes.subarray(0, end);
}

/** Where the RESP value that begins at `from` ends; undefined where it has no end in `bytes`. */
function endOfReply(bytes: Buffer, from: number): number | undefined {
  const lineEnd = bytes.indexOf('\r\n', from);
  if (lineEnd < 0) return undefined;
  const type = bytes.toString('latin1', from, from + 1);
  const size = Number.parseInt(bytes.toString('latin1', from + 1, lineEnd), 10);
  if ('$=!'.includes(type) && size >= 0) return lineEnd + 2 + size + 2;
  if (!'*~>%|'.includes(type) || !(size >= 0)) return lineEnd + 2;
  let at: number | undefined = lineEnd + 2;
  for (let left = '%|'.includes(type) ? 2 * size : size; left > 0 && at !== undefined; left -= 1)
    at = endOfReply(bytes, at);
  return at;
}
