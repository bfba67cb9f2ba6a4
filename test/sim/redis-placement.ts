import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { startRedis } from '../../dev/servers/redis.ts';
import type { RedisClient, Script } from '../../lib/app/ports.ts';
import { createLuaPlacement, type PlacementConfig } from '../../lib/placement/lua-placement.ts';
import { placementConfig } from '../support/placement.ts';
import { CONFIGURED_COST } from './model.ts';
import type { PlacementUnderTest } from './policies/product.ts';
import type { Timing } from './run-scenario.ts';

/**
 * How long records last by Redis's clock, s, while games are not reported when over: hours of simulated time pass in
 * seconds of Redis's, and nobody asks for a game again. With reports a record has to be there until its game's end.
 */
const RECORD_TTL_S = 5;
const REPORTED_RECORD_TTL_S = 86_400;

export interface ProductSettings {
  readonly timing: Timing;
  readonly endReports: boolean;
  /** The configured cost of a game is this many times the default one. */
  readonly costFactor: number;
  /** Another script with the same interface. */
  readonly luaPath?: string;
}

export interface RedisUnderTest {
  /** A placement with nothing in Redis: for one run, and the runs before are over then. */
  placement(settings: ProductSettings): Promise<PlacementUnderTest>;
  stop(): Promise<void>;
}

/** Starts a Redis for the simulator alone. */
export async function startRedisUnderTest(): Promise<RedisUnderTest> {
  const server = await startRedis();
  const redis = new Redis(server.url);
  const client = createClient(redis);
  return {
    async placement(settings) {
      await redis.flushall();
      let nowS = 0;
      const placement = createLuaPlacement(client, configOf(settings), () => nowS * 1000, {
        nowS: () => nowS,
        ...(settings.luaPath !== undefined && { script: readScript(settings.luaPath) }),
      });
      return {
        placement,
        setNowS(value) {
          nowS = value;
        },
        async empty() {
          await redis.flushall();
        },
      };
    },
    async stop() {
      redis.disconnect();
      await server.stop();
    },
  };
}

function configOf({ timing, endReports, costFactor }: ProductSettings): PlacementConfig {
  const recordTtlS = endReports ? REPORTED_RECORD_TTL_S : RECORD_TTL_S;
  const cost = {
    cpuCores: CONFIGURED_COST.cpuCores * costFactor,
    memoryBytes: CONFIGURED_COST.memoryBytes * costFactor,
  };
  return placementConfig({
    recordTtlS,
    leaseTtlS: recordTtlS,
    reassignGraceMs: 0,
    scrapeIntervalS: timing.scrapeIntervalS,
    cpuWindowS: timing.cpuWindowS,
    gameCost: { low: cost, high: cost },
  });
}

function readScript(path: string): Script {
  const source = readFileSync(path, 'utf8');
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/** Without the product's time limits: a run may stand still for as long as the machine is busy with something else. */
function createClient(redis: Redis): RedisClient {
  const loaded = new Set<string>();
  return {
    async runScript({ source, sha1 }, keys, args) {
      // Whatever is sent later comes later, so this one command is all it takes.
      if (!loaded.has(sha1)) {
        loaded.add(sha1);
        const loading = redis.script('LOAD', source);
        const answer = redis.evalsha(sha1, keys.length, ...keys, ...args);
        await loading;
        return String(await answer);
      }
      return String(await redis.evalsha(sha1, keys.length, ...keys, ...args));
    },
    async get(key) {
      return (await redis.get(key)) ?? undefined;
    },
    async set(key, value, ttlS) {
      await redis.set(key, value, 'EX', ttlS);
    },
  };
}
