import { Command, Redis, ReplyError } from 'ioredis';

/** One command's reply: strings as Buffers, or the error that Redis answered. */
export type RedisReply = unknown;

type RedisReplies =
  | { readonly kind: 'replies'; readonly replies: readonly RedisReply[] }
  /** The transaction as a whole was refused. */
  | { readonly kind: 'discarded'; readonly message: string }
  | { readonly kind: 'unavailable'; readonly message: string };

export interface RedisConnection {
  readonly send: (commands: readonly (readonly string[])[], transaction: boolean) => Promise<RedisReplies>;
  readonly close: () => void;
}

const RECONNECT_MS = 50;

/**
 * One connection to Redis that nothing is queued for or repeated on, and that is opened again for ever. Resolves
 * after the first attempt to connect, whatever came of it.
 */
export async function connectRedis(url: string): Promise<RedisConnection> {
  const redis = new Redis(url, {
    protocol: 2,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => RECONNECT_MS,
  });
  // Each failed attempt to connect is an 'error' event; callers learn of it through their own request.
  redis.on('error', () => {});
  await new Promise<void>((resolve) => {
    redis.once('ready', resolve);
    redis.once('error', () => resolve());
  });

  /** All in one tick, so that commands of other requests never come between the parts of a transaction. */
  function sendAll(commands: readonly (readonly string[])[]): Promise<PromiseSettledResult<RedisReply>[]> {
    return Promise.allSettled(
      // Upper case: ioredis reshapes arguments and replies of the commands that it knows by lower-case names.
      commands.map(
        ([name = '', ...args]) => redis.sendCommand(new Command(name.toUpperCase(), args)) as Promise<unknown>,
      ),
    );
  }

  return {
    send: async (commands, transaction) => {
      const results = await sendAll(transaction ? [['MULTI'], ...commands, ['EXEC']] : commands);
      const replies: RedisReply[] = [];
      for (const result of results) {
        if (result.status === 'fulfilled') replies.push(result.value);
        else if (result.reason instanceof ReplyError) replies.push(result.reason);
        else return { kind: 'unavailable', message: `ERR Redis is not reachable: ${messageOf(result.reason)}` };
      }
      if (!transaction) return { kind: 'replies', replies };
      const last = replies.at(-1);
      if (Array.isArray(last)) return { kind: 'replies', replies: last };
      return { kind: 'discarded', message: last instanceof Error ? last.message : 'ERR transaction discarded' };
    },
    close: () => redis.disconnect(),
  };
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
