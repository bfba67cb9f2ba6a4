import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readBody } from '../lambda-host/read-body.ts';
import { encodeReply } from './encode-reply.ts';
import { connectRedis, type RedisReply } from './redis-connection.ts';
import { createScriptNames } from './script-names.ts';

export interface UpstashFrontOptions {
  /** `redis://host:port` of the Redis behind it. */
  readonly redisUrl: string;
  /** The bearer token that a client must send. */
  readonly token: string;
  /** Default: a free port. */
  readonly port?: number;
}

export interface UpstashFront {
  readonly url: string;
  /** HTTP requests with a good token since the start. */
  readonly requests: () => number;
  /** Redis commands asked for in them: one, or as many as a pipeline holds. */
  readonly commands: () => number;
  readonly stop: () => Promise<void>;
}

/** Not Upstash's: `{"requests", "commands"}`, for whoever runs the front as a process of its own. */
const COUNTERS_PATH = '/__counters';
/** Upstash's own limit for one request. */
const REQUEST_LIMIT_BYTES = 10 * 1024 * 1024;

/**
 * A small REST front for a real Redis that speaks Upstash's protocol as @upstash/redis uses it: one command as a JSON
 * array to `POST /`, several to `/pipeline`, a transaction to `/multi-exec`. While Redis is down it answers 503 at
 * once; while Redis is stopped it waits, as Upstash would.
 */
export async function startUpstashFront(options: UpstashFrontOptions): Promise<UpstashFront> {
  const redis = await connectRedis(options.redisUrl);
  const scripts = createScriptNames();
  let requests = 0;
  let commands = 0;

  async function onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, REQUEST_LIMIT_BYTES);
    if (request.url === COUNTERS_PATH) return answer(response, 200, { requests, commands });
    if (request.headers.authorization !== `Bearer ${options.token}`) {
      return answer(response, 401, { error: 'Unauthorized' });
    }
    requests += 1;
    const asked = body === undefined ? undefined : parseCommands(request.url ?? '/', body);
    if (asked === undefined) return answer(response, 400, { error: 'ERR failed to parse command' });
    commands += asked.commands.length;
    const base64 = request.headers['upstash-encoding'] === 'base64';
    // A client sends the last token back to read its own writes; any value that moves will do for one Redis.
    response.setHeader('upstash-sync-token', `local:${requests}`);
    const sent = asked.commands.map((command) => scripts.toRedis(command));
    const replies = await redis.send(sent, asked.transaction);
    if (replies.kind === 'unavailable') return answer(response, 503, { error: replies.message });
    if (replies.kind === 'discarded') return answer(response, 400, { error: replies.message });
    const items = replies.replies.map((reply, index) =>
      itemOf(scripts.fromRedis(asked.commands[index], reply), base64),
    );
    const [only] = items;
    if (asked.single && only !== undefined) return answer(response, 'error' in only ? 400 : 200, only);
    answer(response, 200, items);
  }

  // Above any client's idle time: a server that closes first resets a request that is just being sent.
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    onRequest(request, response).catch((error: Error) => {
      if (!request.destroyed) console.error('upstash front:', error);
      response.destroy();
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    commands: () => commands,
    stop: async () => {
      redis.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Asked {
  readonly commands: readonly (readonly string[])[];
  readonly single: boolean;
  readonly transaction: boolean;
}

/** The commands of a request, or undefined if it is not one. */
function parseCommands(url: string, body: Buffer): Asked | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch {
    return undefined;
  }
  if (url === '/' && isCommand(parsed)) return { commands: [parsed.map(String)], single: true, transaction: false };
  if (url !== '/pipeline' && url !== '/multi-exec') return undefined;
  if (!Array.isArray(parsed) || parsed.length === 0 || !parsed.every(isCommand)) return undefined;
  const commands = parsed.map((command) => command.map(String));
  return { commands, single: false, transaction: url === '/multi-exec' };
}

function isCommand(value: unknown): value is (string | number | boolean)[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every((part) => ['string', 'number', 'boolean'].includes(typeof part));
}

function itemOf(reply: RedisReply, base64: boolean): { result: unknown } | { error: string } {
  return reply instanceof Error ? { error: reply.message } : { result: encodeReply(reply, base64) };
}

function answer(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
