import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Placement, PlacementCall, ResourceLevel, Strategy } from '../app/placement.ts';
import type { Clock, RedisClient, Script } from '../app/ports.ts';
import { createRemoteClock } from './remote-clock.ts';
import { parseAnswer, recentAtS, toDecisions, toExplanations, toPlacementResult } from './script-answer.ts';
import { type CallOptions, encodePlacement } from './script-call.ts';

/** The least that a game is expected to use. */
export interface GameCost {
  readonly cpuCores: number;
  readonly memoryBytes: number;
}

/** What the rule needs to know of this service; see place.lua for the rule itself. */
export interface PlacementConfig {
  readonly serviceName: string;
  /** Records are under `<recordPrefix>:<game_id>`; other services read and write them too. Undefined: it has no games. */
  readonly recordPrefix: string | undefined;
  readonly statePrefix: string;
  readonly recordTtlS: number;
  /** How long a game holds its place on an instance with `max_games`, s; at least as long as its record. */
  readonly leaseTtlS: number;
  /** Games that hold a place, at once; undefined: as many as find one. */
  readonly mostGames: number | undefined;
  /** How long views must have called an instance gone before its games move, ms; 0: they never do. */
  readonly reassignGraceMs: number;
  readonly scrapeIntervalS: number;
  /** The window of the CPU rate, s. */
  readonly cpuWindowS: number;
  readonly gameCost: Readonly<Record<ResourceLevel, GameCost>>;
  /** For requests that name none. */
  readonly strategy: Strategy;
  /** Up to this score `pack` fills an instance. */
  readonly packCeiling: number;
}

export interface PlacementOptions {
  /** Stands in for Redis's clock, in seconds: for tests and the simulator, which live through hours in a moment. */
  readonly nowS?: () => number;
  /** Another script with the same interface, for the simulator to compare. */
  readonly script?: Script;
  /** Added to each call, for decisions that are made once more: see dev/cli/replay. */
  readonly again?: Pick<CallOptions, 'asOf' | 'dryRun'>;
}

/** The version of the layout in Redis; it is in the keys, so that two versions of this code can run side by side. */
const LAYOUT = 'v1';

/** Placement by place.lua in the given Redis. */
export function createLuaPlacement(
  redis: RedisClient,
  config: PlacementConfig,
  clock: Clock,
  { nowS, script = loadScript(), again }: PlacementOptions = {},
): Placement {
  const state = `${config.statePrefix}:${LAYOUT}:${config.serviceName}`;
  const redisClock = createRemoteClock(clock);
  const rule = toRule(config);

  async function run(call: PlacementCall, options: CallOptions, signal: AbortSignal) {
    const records = call.requests.flatMap((request) =>
      request.op === 'choose' ? [] : [`${config.recordPrefix}:${request.gameId}`],
    );
    const argument = encodePlacement(call, { ...again, ...options }, { rule, nowS: nowS?.(), redisClock });
    const keys = [state, `${state}:expiry`, ...records];
    const answer = parseAnswer(await redis.runScript(script, keys, [argument], signal), call.requests.length);
    redisClock.observe(answer.now);
    return answer;
  }

  return {
    async place(call, signal) {
      const answer = await run(call, {}, signal);
      const decisions = toDecisions(answer);
      return {
        results: answer.results.map((result) => toPlacementResult(result, call.candidates)),
        marked: answer.marked ?? [],
        ...(decisions && { decisions }),
      };
    },

    async explain(call, signal) {
      const answer = await run(call, { explain: true, dryRun: true }, signal);
      const [result] = answer.results;
      if (result === undefined) throw new RangeError('explain takes one request');
      const [cpuCores, memoryBytes] = answer.cost ?? [rule.cost[0], rule.cost[1]];
      return {
        result: toPlacementResult(result, call.candidates),
        candidates: toExplanations(answer, call.candidates),
        gameCpuCores: cpuCores,
        gameMemoryBytes: memoryBytes,
        recentAtS: recentAtS(answer),
      };
    },
  };
}

/** What place.lua is told of the configuration. */
export function toRule(config: Omit<PlacementConfig, 'serviceName' | 'recordPrefix' | 'statePrefix'>) {
  const { low, high } = config.gameCost;
  return {
    cost: [low.cpuCores, low.memoryBytes] as const,
    high_cost: [high.cpuCores, high.memoryBytes] as const,
    scrape_interval_s: config.scrapeIntervalS,
    cpu_window_s: config.cpuWindowS,
    record_ttl_s: config.recordTtlS,
    lease_ttl_s: config.leaseTtlS,
    most_games: config.mostGames ?? false,
    grace_s: config.reassignGraceMs / 1000,
    strategy: config.strategy,
    pack_ceiling: config.packCeiling,
  };
}

/** place.lua lies beside this file, and beside the bundle once built. */
export function loadScript(): Script {
  const source = readFileSync(new URL('./place.lua', import.meta.url), 'utf8');
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}
