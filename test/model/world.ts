import type { Op } from '../../lib/api/op.ts';
import { createAllocate } from '../../lib/api/operations.ts';
import type { Reply } from '../../lib/api/outcomes.ts';
import { createServeRequests } from '../../lib/app/serve-requests.ts';
import type { FleetView, InstanceStatus } from '../../lib/domain/fleet.ts';
import { createLuaPlacement } from '../../lib/placement/lua-placement.ts';
import { fakeLog, fleetList, instance, loadReport, noInsight, openView } from '../support/fakes.ts';
import { noLimit } from '../support/http-server.ts';
import { placementConfig, T0 } from '../support/placement.ts';
import type { PlacementServer } from '../support/placement-service.ts';

/** Records and leases live this long, s. */
export const TTL_S = 70;
/** An instance must be gone this long before its games move, s. */
export const GRACE_S = 30;
/** A late retry of a released game's attempt is known this long, s. */
export const RELEASED_S = 2;
/** Games that each instance takes: all are soon full. */
export const PLACES: Readonly<Record<string, number>> = { 'i-1': 1, 'i-2': 2, 'i-3': 3 };
export const INSTANCES = Object.keys(PLACES);
/** Environments of the function, each with what it knows by itself. */
const PROCESSES = 2;

/** What is asked of a game. */
export interface Ask {
  readonly op: Op;
  readonly game: string;
  /** Absent: an attempt of its own. */
  readonly attempt?: string;
  /** Default: plenty. */
  readonly budgetMs?: number;
}

/** What Redis says of an instance. */
export interface Counted {
  /** Games that hold a place on it. */
  readonly games: number;
  /** Games' worth that no sample has shown yet. */
  readonly pending: number;
}

/**
 * The allocator from the batch item down to the script in a real Redis, by a clock that stands still until it is moved,
 * with a fleet that is what the test says.
 */
export interface World {
  nowS(): number;
  /** Lets time pass for the script; records do not notice, and have to be removed. */
  pass(seconds: number): void;
  setInstance(id: string, status: InstanceStatus | 'absent'): void;
  /** Puts a process in place of one of them that knows nothing yet. */
  restart(process: number): void;
  /** One batch. */
  ask(process: number, asks: readonly Ask[]): Promise<readonly Reply[]>;
  record(game: string): Promise<string | null>;
  removeRecord(game: string): Promise<void>;
  counted(id: string): Promise<Counted>;
}

export function createWorld({ redis, client }: PlacementServer): World {
  const config = placementConfig({ recordTtlS: TTL_S, leaseTtlS: TTL_S, reassignGraceMs: GRACE_S * 1000 });
  const state = `${config.statePrefix}:v1:${config.serviceName}`;
  const fleet = new Map<string, InstanceStatus | 'absent'>(INSTANCES.map((id) => [id, 'eligible']));
  let nowMs = T0 * 1000;
  const clock = () => nowMs;

  function view(): FleetView {
    const listed = [...fleet].flatMap(([id, status]) =>
      status === 'absent' ? [] : [instance(id, { status, maxGames: PLACES[id] ?? 1 })],
    );
    const gone = [...fleet].filter(([, status]) => status === 'gone' || status === 'absent').map(([id]) => id);
    return { list: fleetList(...listed), load: loadReport(), degraded: [], absence: { askedAtMs: nowMs, gone } };
  }

  function startProcess() {
    const placement = createLuaPlacement(client, config, clock, { nowS: () => nowMs / 1000 });
    const views = { open: async () => openView(view()), noteAbsent: () => {} };
    const serve = createServeRequests({
      ...{ views, placement, clock, log: fakeLog(), reassigns: true },
      random: () => 0.5,
      insight: noInsight,
    });
    return createAllocate({ services: [{ name: 'game-service', hasGames: true, serve }], clock, strategies: [] });
  }
  const processes = Array.from({ length: PROCESSES }, startProcess);

  /** Leases on it that have run out, and that the script has not taken off its count yet. */
  async function uncounted(id: string): Promise<number> {
    const averages = JSON.parse((await redis.hget(state, 'fleet')) ?? '[]') as number[];
    const ended = await redis.zrangebyscore(`${state}:expiry`, `(${averages[6] ?? 0}`, nowMs / 1000);
    return ended.filter((member) => member.endsWith(` ${id}`)).length;
  }

  return {
    nowS: () => nowMs / 1000,
    pass(seconds) {
      nowMs += seconds * 1000;
    },
    setInstance: (id, status) => void fleet.set(id, status),
    restart: (process) => void processes.splice(process, 1, startProcess()),
    async ask(process, asks) {
      const items = asks.map(({ op, game, attempt, budgetMs = 9000 }) => ({
        op,
        request: { game_id: game },
        budget_ms: budgetMs,
        ...(attempt !== undefined && { attempt }),
      }));
      return (await processes[process]?.(items, noLimit())) ?? [];
    },
    record: async (game) => {
      const text = await redis.get(`${config.recordPrefix}:${game}`);
      return text === null ? null : (JSON.parse(text) as string);
    },
    removeRecord: async (game) => void (await redis.del(`${config.recordPrefix}:${game}`)),
    async counted(id) {
      const fields = JSON.parse((await redis.hget(state, `i:${id}`)) ?? '[]') as number[];
      // By the positions that place.lua names: GAMES, and of the CPU, PENDING and NEW.
      const games = (fields[12] ?? 0) - (await uncounted(id));
      return { games, pending: (fields[3] ?? 0) + (fields[5] ?? 0) };
    },
  };
}
