import { Redis } from 'ioredis';
import { createHttpClient } from '../../lib/adapters/http/http-client.ts';
import { createRedisClient } from '../../lib/adapters/redis/redis-client.ts';
import { readAnswer } from '../../lib/adapters/upstash/upstash-answer.ts';
import { createUpstashClient } from '../../lib/adapters/upstash/upstash-client.ts';
import type { RedisClient } from '../../lib/app/ports.ts';
import type { AllocatorConfig, SecretName } from '../../lib/config/allocator-config.ts';
import { unlessAborted } from './ask.ts';
import { shown, type Target } from './explain-failure.ts';

export interface RedisConnection {
  readonly target: Target;
  readonly kind: 'upstash' | 'tcp';
  /** The product's own. */
  readonly client: RedisClient;
  /** A command that the product has no use for. Rejects with whatever its transport says: not for anybody's eyes. */
  command(words: readonly string[], signal: AbortSignal): Promise<unknown>;
  close(): void;
}

const MAX_ANSWER_BYTES = 1024 * 1024;

/** The configured Redis, reached as the product does. */
export function openRedis(
  { redis }: AllocatorConfig,
  secret: (name: SecretName) => string | undefined,
): RedisConnection {
  if (redis.kind === 'upstash') {
    const token = () => secret('UPSTASH_REDIS_REST_TOKEN');
    const http = createHttpClient({
      upstream: 'redis',
      baseUrl: redis.url,
      headers: () => ({ authorization: `Bearer ${token() ?? ''}`, 'content-type': 'application/json' }),
      maxResponseBytes: MAX_ANSWER_BYTES,
    });
    return {
      target: {
        name: 'Upstash Redis',
        at: shown(redis.url),
        setting: 'UPSTASH_REDIS_REST_URL',
        credential: 'UPSTASH_REDIS_REST_TOKEN (of this database, and not the read-only one)',
      },
      kind: 'upstash',
      client: createUpstashClient({ url: redis.url, token }),
      command: async (words, signal) =>
        readAnswer(await http.request({ method: 'POST', path: '/', body: JSON.stringify(words), signal })),
      close: http.close,
    };
  }

  const { host, port, db } = redis;
  const password = secret('REDIS_PASSWORD');
  const client = createRedisClient({ host, port, db, password: () => password });
  const raw = new Redis({
    ...{ host, port, db, lazyConnect: true, enableReadyCheck: false, disableClientInfo: true, maxRetriesPerRequest: 0 },
    ...(password !== undefined && { password }),
    retryStrategy: () => null,
  });
  raw.on('error', () => undefined);
  return {
    target: {
      name: 'Redis',
      at: `${host}:${port}`,
      setting: 'REDIS_HOST (and REDIS_PORT)',
      credential: 'REDIS_PASSWORD',
    },
    kind: 'tcp',
    client,
    command: ([name = '', ...args], signal) => unlessAborted(raw.call(name, ...args), signal),
    close() {
      client.close();
      raw.disconnect();
    },
  };
}
