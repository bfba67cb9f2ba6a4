import { Redis } from 'ioredis';
import { startRedis } from '../../dev/servers/redis.ts';
import { createRedisClient } from '../../lib/adapters/redis/redis-client.ts';
import type {
  Candidate,
  Explanation,
  PlacementAnswer,
  PlacementCall,
  PlacementResult,
} from '../../lib/app/placement.ts';
import type { RedisClient } from '../../lib/app/ports.ts';
import { createLuaPlacement, type PlacementConfig, type PlacementOptions } from '../../lib/placement/lua-placement.ts';
import { onGame, placementConfig, T0 } from './placement.ts';

/** What a call adds to its candidates and requests. */
type More = Partial<Pick<PlacementCall, 'newestSampleS' | 'presence' | 'tell'>>;

/** A Redis of its own, and services in it whose time stands still until it is moved. */
export interface PlacementServer {
  /** For looking at what was written. */
  readonly redis: Redis;
  /** What a placement of one's own is made with. */
  readonly client: RedisClient;
  service(overrides?: Partial<PlacementConfig>, options?: Pick<PlacementOptions, 'script'>): PlacementService;
  stop(): Promise<void>;
}

export interface PlacementService {
  /** Moves the time of the service. */
  at(secondsAfterT0: number): void;
  place(
    candidates: readonly Candidate[],
    requests: PlacementCall['requests'],
    more?: More,
  ): Promise<readonly PlacementResult[]>;
  /** The instances that are marked as gone after a call with these. */
  marked(
    candidates: readonly Candidate[],
    requests: PlacementCall['requests'],
    more?: More,
  ): Promise<readonly string[]>;
  /** How a call's requests were decided. */
  decisions(...call: Parameters<PlacementService['place']>): Promise<PlacementAnswer['decisions']>;
  explain(
    candidates: readonly Candidate[],
    request: PlacementCall['requests'][number],
    more?: More,
  ): Promise<Explanation>;
  /** What became of each, by its kind. */
  release(...gameIds: string[]): Promise<readonly string[]>;
  /** Key of a game's record. */
  record(gameId: string): string;
  /** Key of the state's hash, and of the sorted set beside it. */
  readonly state: string;
  readonly expiry: string;
  /** An instance's state, by name; undefined where there is none. */
  instance(id: string): Promise<InstanceState | undefined>;
}

export interface InstanceState {
  readonly pending: readonly [cpu: number, ram: number];
  readonly new: readonly [cpu: number, ram: number];
  readonly sessions: readonly [cpu: number, ram: number];
  /** Since when the sessions have decayed, s since 1970. */
  readonly placedAtS: number;
  readonly games: number;
}

export async function startPlacementServer(): Promise<PlacementServer> {
  const server = await startRedis();
  const redis = new Redis(server.url);
  const client = createRedisClient({ host: '127.0.0.1', port: server.port, db: 0, password: () => undefined });

  function service(overrides: Partial<PlacementConfig> = {}, options: Pick<PlacementOptions, 'script'> = {}) {
    const config = placementConfig(overrides);
    let nowS = T0;
    const placement = createLuaPlacement(client, config, () => nowS * 1000, { ...options, nowS: () => nowS });
    const state = `${config.statePrefix}:v1:${config.serviceName}`;

    function toCall(candidates: readonly Candidate[], requests: PlacementCall['requests'], more: More = {}) {
      const times = candidates.flatMap(({ sample }) => (sample ? [sample.atS] : []));
      const newestSampleS = times.length === 0 ? undefined : Math.max(...times);
      return { candidates, newestSampleS, requests, ...more };
    }
    const signal = () => AbortSignal.timeout(10_000);

    return {
      at(secondsAfterT0: number) {
        nowS = T0 + secondsAfterT0;
      },
      place: async (...call: Parameters<typeof toCall>) => (await placement.place(toCall(...call), signal())).results,
      marked: async (...call: Parameters<typeof toCall>) => (await placement.place(toCall(...call), signal())).marked,
      decisions: async (...call: Parameters<typeof toCall>) =>
        (await placement.place(toCall(...call), signal())).decisions,
      explain: (candidates: readonly Candidate[], request: PlacementCall['requests'][number], more?: More) =>
        placement.explain(toCall(candidates, [request], more), signal()),
      async release(...gameIds: string[]) {
        const { results } = await placement.place(
          toCall(
            [],
            gameIds.map((gameId) => onGame('release', gameId)),
          ),
          signal(),
        );
        return results.map(({ kind }) => kind);
      },
      record: (gameId: string) => `${config.recordPrefix}:${gameId}`,
      state,
      expiry: `${state}:expiry`,
      async instance(id: string) {
        const text = await redis.hget(state, `i:${id}`);
        return text === null ? undefined : readInstance(JSON.parse(text));
      },
    };
  }

  return {
    redis,
    client,
    service,
    async stop() {
      redis.disconnect();
      client.close();
      await server.stop();
    },
  };
}

/** By the positions that place.lua names. */
function readInstance(fields: readonly number[]): InstanceState {
  const at = (position: number) => fields[position - 1] ?? Number.NaN;
  return {
    pending: [at(4), at(5)],
    new: [at(6), at(7)],
    sessions: [at(8), at(9)],
    placedAtS: at(10),
    games: at(13),
  };
}

/** How many results name each instance, or are of each kind. */
export function chosen(results: readonly PlacementResult[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of results) {
    const id = 'instanceId' in result ? result.instanceId : undefined;
    const key = result.kind === 'chosen' ? result.instance.id : (id ?? result.kind);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
