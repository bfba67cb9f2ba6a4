import { createRedisClient } from '../../../lib/adapters/redis/redis-client.ts';
import { UpstreamError } from '../../../lib/app/upstream-error.ts';
import { loadScript } from '../../../lib/placement/lua-placement.ts';
import { CannotGoOn, type Io } from '../command.ts';
import { readChange } from './change-rule.ts';
import { findRedis } from './find-redis.ts';
import { type Replayed, replayLog } from './replay-log.ts';

export interface ReplayValues {
  readonly redis?: string | undefined;
  /** `NAME=VALUE` each. */
  readonly set: readonly string[];
}

/** Makes the decisions in `lines` again in the Redis that is found. Throws WrongUsage and CannotGoOn. */
export async function replayFile(lines: AsyncIterable<string>, values: ReplayValues, io: Io): Promise<Replayed> {
  const change = readChange(values.set);
  const address = await findRedis(values.redis, io.env);
  const redis = createRedisClient(address);
  const { stderr, signal } = io;
  const show = (text: string) => (stderr.isTerminal ? void stderr.write(`\r\u001b[K${text}`) : undefined);
  try {
    return await replayLog(lines, {
      redis,
      script: loadScript(),
      prefix: `game-allocator-replay-${crypto.randomUUID()}`,
      change,
      // With other settings everything scores otherwise.
      compareScores: values.set.length === 0,
      onProgress: (decisions) => show(`${decisions} decisions`),
      stop: signal,
    });
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    throw new CannotGoOn(`Redis at ${address.host}:${address.port} does not do its part: ${codeOf(error)}.`);
  } finally {
    show('');
    redis.close();
  }
}

/** Redis's own word for it, or what became of the connection. */
function codeOf({ failure, cause }: UpstreamError): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : failure;
}
