import type { Stack } from '../../dev/stack.ts';
import { createRedisClient } from '../../lib/adapters/redis/redis-client.ts';
import type { Placement } from '../../lib/app/placement.ts';
import { readFunctionConfig } from '../../lib/config/function-config.ts';
import { createLuaPlacement } from '../../lib/placement/lua-placement.ts';

export interface StackPlacement {
  /** Ends games that have been placed; how many of them were ours to end. */
  release(gameIds: readonly string[]): Promise<number>;
  /** The games that hold a place on each instance, by its address. */
  places(): Promise<Record<string, number>>;
  close(): void;
}

const PATIENCE_MS = 10_000;
const AT_ONCE = 50;

/**
 * The product's placement with its defaults, over TCP to the stack's Redis: for what is no operation of the API.
 * `functionEnv`: what the stack's functions were given on top.
 */
export function createStackPlacement(stack: Stack, functionEnv: Readonly<Record<string, string>> = {}): StackPlacement {
  const { allocator } = readFunctionConfig({
    ...functionEnv,
    // Only to have a whole configuration: the client below has an address of its own.
    UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
    UPSTASH_REDIS_REST_TOKEN: 'none',
  });
  const client = createRedisClient({ host: '127.0.0.1', port: stack.redis.port, db: 0, password: () => undefined });
  const [{ name, recordPrefix }] = allocator.services;
  const config = { ...allocator.placement, serviceName: name, recordPrefix };
  const placement: Placement = createLuaPlacement(client, config, Date.now);

  return {
    async release(gameIds) {
      let released = 0;
      for (let from = 0; from < gameIds.length; from += AT_ONCE) {
        const some = gameIds.slice(from, from + AT_ONCE);
        const deadlineMs = Date.now() + PATIENCE_MS;
        const requests = some.map((gameId) => ({ op: 'release' as const, gameId, deadlineMs }));
        const { results } = await placement.place(
          { candidates: [], newestSampleS: undefined, requests },
          AbortSignal.timeout(PATIENCE_MS),
        );
        released += results.filter(({ kind }) => kind === 'released').length;
      }
      return released;
    },
    async places() {
      const report = await stack.fleetReport();
      const candidates = report.map(({ address, cpuCores, memoryBytes, maxGames }) => ({
        instance: {
          id: address,
          status: 'eligible' as const,
          cpuCores,
          memoryBytes,
          tags: [],
          meta: {},
          ...(maxGames !== undefined && { maxGames }),
        },
        sample: undefined,
      }));
      const gameId = crypto.randomUUID();
      const request = {
        op: 'assign' as const,
        gameId,
        level: 'low' as const,
        attempt: gameId,
        deadlineMs: Date.now() + PATIENCE_MS,
      };
      const { candidates: explained } = await placement.explain(
        { candidates, newestSampleS: undefined, requests: [request] },
        AbortSignal.timeout(PATIENCE_MS),
      );
      return Object.fromEntries(explained.map(({ instanceId, games }) => [instanceId, games]));
    },
    close: client.close,
  };
}
