import type { RedisOptions } from '../../../lib/adapters/redis/redis-client.ts';
import type { Env } from '../../../lib/config/env.ts';
import { readStackFile } from '../../stack/stack-file.ts';
import { CannotGoOn, WrongUsage } from '../command.ts';
import { stackFileOf } from '../find-door.ts';

/** What `--redis` says, else REDIS_HOST and the variables beside it, else the Redis of the stack that runs in this folder. */
export async function findRedis(url: string | undefined, env: Env): Promise<RedisOptions> {
  if (url !== undefined) return readUrl(url);
  const host = env['REDIS_HOST'];
  if (host) {
    const port = env['REDIS_PORT'] || '6379';
    const redis = readUrl(`redis://${host}:${port}/${env['REDIS_DB'] || 0}`);
    return { ...redis, password: () => env['REDIS_PASSWORD'] || undefined };
  }
  const stack = await readStackFile(stackFileOf(env));
  if (stack !== undefined) return readUrl(stack.redisUrl);
  throw new CannotGoOn(
    'No stack runs in this folder: start one with `npm start`, in another terminal, or name a Redis (--redis, REDIS_HOST).',
  );
}

function readUrl(text: string): RedisOptions {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const db = Number(url?.pathname.slice(1) || 0);
  if (url?.protocol !== 'redis:' || url.hostname === '' || !Number.isInteger(db)) {
    throw new WrongUsage('--redis must be a URL such as redis://localhost:6379.');
  }
  const password = url.password === '' ? undefined : decodeURIComponent(url.password);
  return { host: url.hostname, port: Number(url.port || 6379), db, password: () => password };
}
