import { Redis } from 'ioredis';

const KEY_PREFIX = 'games:';
const POLL_MS = 1000;
const PAGE = 1000;

/**
 * Reads all game records every second and hands over which games each instance id has. While Redis is away the games
 * simply go on: `onGames` is not called. Returns how to stop.
 */
export function followGames(redisUrl: string, onGames: (games: ReadonlyMap<string, string[]>) => void): () => void {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 0, retryStrategy: () => POLL_MS, commandTimeout: 5000 });
  let complained = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  function complain(error: Error): void {
    if (!complained && !stopped) console.error(`fleet: cannot read the games in Redis (${error.message}); trying on`);
    complained = true;
  }

  async function poll(): Promise<void> {
    try {
      const games = await readGames(redis);
      complained = false;
      if (!stopped) onGames(games);
    } catch (error) {
      complain(error instanceof Error ? error : new Error(String(error)));
    }
    if (!stopped) timer = setTimeout(() => void poll(), POLL_MS);
  }

  redis.on('error', complain);
  void poll();
  return () => {
    stopped = true;
    clearTimeout(timer);
    redis.disconnect();
  };
}

async function readGames(redis: Redis): Promise<ReadonlyMap<string, string[]>> {
  const owners = new Map<string, string>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${KEY_PREFIX}*`, 'COUNT', PAGE);
    cursor = next;
    const values = keys.length === 0 ? [] : await redis.mget(keys);
    for (const [index, key] of keys.entries()) {
      const instance = unquote(values[index]);
      // SCAN may name a key twice.
      if (instance !== undefined) owners.set(key.slice(KEY_PREFIX.length), instance);
    }
  } while (cursor !== '0');

  const games = new Map<string, string[]>();
  for (const [game, instance] of owners) {
    const list = games.get(instance);
    if (list === undefined) games.set(instance, [game]);
    else list.push(game);
  }
  return games;
}

/** The value is a JSON-quoted instance id; anything else is somebody else's record and no game of this fleet. */
function unquote(value: string | null | undefined): string | undefined {
  if (value === null || value === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'string' ? parsed : undefined;
  } catch {
    return undefined;
  }
}
