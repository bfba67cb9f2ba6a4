import type { Load } from './fleet-types.ts';
import { gameCost, RAMP_MS } from './game-cost.ts';

/** What a game server uses with no game on it. */
const IDLE: Load = { cpuCores: 0.02, memoryBytes: 200e6 };

/** One instance's use over time. All times are milliseconds on one steady clock. */
export interface InstanceLoad {
  /** Which games run here from now on; a new one starts its ramp now, a missing one stops at once. */
  setGames(gameIds: readonly string[], nowMs: number): void;
  /** Keeps the use at `load` whatever the games do; undefined lets it follow them again. */
  hold(load: Load | undefined, nowMs: number): void;
  at(nowMs: number): Load;
  /** CPU seconds used since the start. */
  cpuSecondsAt(nowMs: number): number;
  gameCount(): number;
}

/** @param cores a container cannot use more CPU than its machine has */
export function createInstanceLoad(cores: number, startMs: number): InstanceLoad {
  const games = new Map<string, { readonly cost: Load; readonly sinceMs: number }>();
  let held: Load | undefined;
  let cpuSeconds = 0;
  let countedToMs = startMs;

  function at(nowMs: number): Load {
    if (held !== undefined) return held;
    let { cpuCores, memoryBytes } = IDLE;
    for (const { cost, sinceMs } of games.values()) {
      const part = Math.min(1, Math.max(0, nowMs - sinceMs) / RAMP_MS);
      cpuCores += cost.cpuCores * part;
      memoryBytes += cost.memoryBytes * part;
    }
    return { cpuCores: Math.min(cores, cpuCores), memoryBytes };
  }

  /** Every change comes after this, and a ramp is straight, so the use halfway is the mean use since last time. */
  function count(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - countedToMs);
    cpuSeconds += (at(countedToMs + elapsedMs / 2).cpuCores * elapsedMs) / 1000;
    countedToMs += elapsedMs;
    return cpuSeconds;
  }

  return {
    setGames(gameIds, nowMs) {
      count(nowMs);
      const wanted = new Set(gameIds);
      for (const id of games.keys()) if (!wanted.has(id)) games.delete(id);
      for (const id of wanted) if (!games.has(id)) games.set(id, { cost: gameCost(id), sinceMs: nowMs });
    },
    hold(load, nowMs) {
      count(nowMs);
      held = load;
    },
    at,
    cpuSecondsAt: count,
    gameCount: () => games.size,
  };
}
