import { Redis } from 'ioredis';
import type { RedisClient, Script } from '../../app/ports.ts';
import { UpstreamError } from '../../app/upstream-error.ts';

export interface RedisOptions {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  /** Asked before every connection. */
  readonly password: () => string | undefined;
}

/** How long a server may take to accept a connection. */
const CONNECT_TIMEOUT_MS = 2000;
/** A connection with commands outstanding and nothing coming back is given up: its server is stopped or gone. */
const SILENCE_MS = 1000;
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 1000;

/**
 * Redis over TCP. Reconnects for ever and repeats nothing: a command that may have been sent fails as `reset` or
 * `timeout`, outcome unknown. While a connection is being made a command waits for it; between two tries it fails at
 * once.
 */
export function createRedisClient({ host, port, db, password }: RedisOptions): RedisClient & { close(): void } {
  const redis = new Redis({
    host,
    port,
    db,
    ...passwordOption(password()),
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    retryStrategy: (times) => {
      Object.assign(redis.options, { password: undefined, ...passwordOption(password()) });
      return Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** (times - 1)) * (0.5 + Math.random() / 2);
    },
  });
  // One listener for each command that waits for the connection, and those are bounded by who calls.
  redis.setMaxListeners(0);
  let connectionError: unknown;
  redis.on('ready', () => {
    connectionError = undefined;
  });
  redis.on('error', (error: unknown) => {
    connectionError = error;
    // ioredis would go on with database 0.
    if (commandOf(error) === 'select') redis.disconnect(true);
  });

  async function send<T>(command: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (signal.aborted) throw new UpstreamError('redis', 'timeout', { outcome: 'none', cause: signal.reason });
    if (redis.status === 'connecting' || redis.status === 'connect') await connected(redis, signal);
    if (redis.status !== 'ready') throw notConnected(connectionError);
    return await unlessAborted(command(), signal);
  }

  async function runScript(script: Script, keys: readonly string[], args: readonly string[], signal: AbortSignal) {
    const reply = await evaluate();
    if (typeof reply !== 'string') throw new UpstreamError('redis', 'invalid_body', { outcome: 'unknown' });
    return reply;

    async function evaluate(): Promise<unknown> {
      try {
        return await send(() => redis.evalsha(script.sha1, keys.length, ...keys, ...args), signal);
      } catch (error) {
        if (!isNoScript(error)) throw error;
        return await send(() => redis.eval(script.source, keys.length, ...keys, ...args), signal);
      }
    }
  }

  async function get(key: string, signal: AbortSignal): Promise<string | undefined> {
    return (await send(() => redis.get(key), signal)) ?? undefined;
  }

  async function set(key: string, value: string, ttlS: number, signal: AbortSignal): Promise<void> {
    await send(() => redis.set(key, value, 'EX', ttlS), signal);
  }

  return { runScript, get, set, close: () => redis.disconnect() };
}

/** Waits until the attempt to connect that is under way ends, well or badly, or until `signal` fires. */
function connected(redis: Redis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    function onAbort() {
      finish();
      reject(new UpstreamError('redis', 'connect', { cause: signal.reason }));
    }
    function onEnd() {
      finish();
      resolve();
    }
    function finish() {
      redis.off('ready', onEnd).off('close', onEnd).off('end', onEnd);
      signal.removeEventListener('abort', onAbort);
    }
    redis.on('ready', onEnd).on('close', onEnd).on('end', onEnd);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** `reply`, unless `signal` fires first; what comes later is dropped. */
function unlessAborted<T>(reply: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    function onAbort() {
      reject(new UpstreamError('redis', 'timeout', { cause: signal.reason }));
    }
    signal.addEventListener('abort', onAbort, { once: true });
    reply
      .then(resolve, (error: unknown) => reject(commandError(error)))
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** ioredis's errors carry the command with all its values, so of those only the code goes on. */
function commandError(error: unknown): UpstreamError {
  const code = replyCode(error);
  if (code === undefined) {
    // Said by ioredis before it wrote anything.
    const unsent = error instanceof Error && error.message.startsWith("Stream isn't writeable");
    return new UpstreamError('redis', unsent ? 'connect' : 'reset', { cause: redisError(codeOf(error) ?? 'CLOSED') });
  }
  return new UpstreamError('redis', isRefusal(code) ? 'refused' : 'error_reply', { cause: redisError(code) });
}

function notConnected(error: unknown): UpstreamError {
  const code = replyCode(error) ?? codeOf(error) ?? 'CLOSED';
  return new UpstreamError('redis', isRefusal(code) ? 'refused' : 'connect', { cause: redisError(code) });
}

/** Redis's own word for what is wrong, where `error` is a reply of Redis. */
function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  return /^[A-Z][A-Z0-9]*\b/.exec(error.message)?.[0] ?? 'ERR';
}

function isRefusal(code: string): boolean {
  return code === 'WRONGPASS' || code === 'NOAUTH' || code === 'NOPERM';
}

function isNoScript(error: unknown): boolean {
  return error instanceof UpstreamError && error.failure === 'error_reply' && codeOf(error.cause) === 'NOSCRIPT';
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function commandOf(error: unknown): unknown {
  if (!(error instanceof Error) || !('command' in error)) return undefined;
  const { command } = error;
  return typeof command === 'object' && command !== null && 'name' in command ? command.name : undefined;
}

function redisError(code: string): Error {
  return Object.assign(new Error(`Redis: ${code}`), { name: 'RedisError', code });
}

function passwordOption(password: string | undefined): { password?: string } {
  return password === undefined ? {} : { password };
}
