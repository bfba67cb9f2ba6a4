import { createDecisionLog } from '../../lib/app/decision-log.ts';
import type { RedisClient } from '../../lib/app/ports.ts';
import { createServeRequests } from '../../lib/app/serve-requests.ts';
import type { AssignRequest, ServiceRequest } from '../../lib/app/service-requests.ts';
import type { FleetList, FleetView, Instance, LoadReport, Sample } from '../../lib/domain/fleet.ts';
import { toSelector } from '../../lib/domain/selector.ts';
import { createLuaPlacement, type PlacementConfig, toRule } from '../../lib/placement/lua-placement.ts';
import { fakeLog, noInsight, openView } from './fakes.ts';
import { noLimit } from './http-server.ts';
import { GIB, placementConfig, T0 } from './placement.ts';
import { createRandom, type Random } from './random.ts';

export interface HistoryOptions {
  /** Tells one history from another. */
  readonly name: string;
  readonly instances: number;
  /** It ends once so many are logged. */
  readonly decisions: number;
  readonly config?: Partial<PlacementConfig>;
}

/**
 * A service's life of some hours with everything in it that a decision can meet: samples that come, stay behind and stay
 * away, instances of all sizes that come, go, and fail, games of both levels in calls of 1 to 64 with every setting that
 * there is, releases between them, and pauses. Gives every line of its decision log.
 */
export async function decidedHistory(redis: RedisClient, options: HistoryOptions): Promise<readonly string[]> {
  const random = createRandom(options.name);
  const world = createWorld(random, options.instances);
  const { serve, lines, counts, log } = loggedService(redis, world, random.uniform, options.config);
  for (let calls = 0; counts.decisions < options.decisions; calls += 1) {
    if (calls > 10 * options.decisions) throw new Error('hardly anything is logged');
    world.pass();
    await serve(world.requests(), noLimit());
  }
  if (log.events().length > 0) throw new Error(`it logged ${log.events().join(', ')}`);
  return lines;
}

/** A service that logs every decision, in a world whose time and view are given. */
export function loggedService(
  redis: RedisClient,
  world: { readonly nowMs: number; view(): FleetView },
  random: () => number,
  overrides: Partial<PlacementConfig> = {},
) {
  const config = placementConfig(overrides);
  const clock = () => world.nowMs;
  const lines: string[] = [];
  const counts = { decisions: 0 };
  const log = fakeLog();
  const serve = createServeRequests({
    views: { open: async () => openView(world.view()), noteAbsent: () => {} },
    placement: createLuaPlacement(redis, config, clock, { nowS: () => world.nowMs / 1000 }),
    clock,
    random,
    log,
    reassigns: true,
    insight: noInsight,
    decisionLog: createDecisionLog({
      mode: 'all',
      service: config.serviceName,
      rule: toRule(config),
      random,
      write(line) {
        lines.push(line);
        if (line.startsWith('{"kind":"decision"')) counts.decisions += 1;
      },
      log,
    }),
  });
  return { serve, lines, counts, log };
}

const REGIONS = ['eu', 'us'];

function createWorld(random: Random, size: number) {
  const chance = (share: number) => random.uniform() < share;
  const oneOf = <T>(values: readonly T[]): T => values[random.whole(values.length)] as T;

  let nowMs = T0 * 1000;
  let named = 0;
  let games = 0;
  const live: string[] = [];
  let instances: Instance[] = Array.from({ length: size }, newInstance);
  let gone: string[] = [];
  const samples = new Map<string, Sample>();
  let list: FleetList = toList();
  let load: LoadReport = { samples: new Map() };
  let nextReportMs = 0;

  function newInstance(): Instance {
    named += 1;
    const cpuCores = oneOf([1, 2, 4, 8, 3.7]);
    return {
      id: `10.0.${named >> 8}.${named & 255}`,
      status: 'eligible',
      cpuCores,
      memoryBytes: cpuCores * oneOf([1, 2, 1.7]) * GIB,
      tags: [],
      meta: { region: oneOf(REGIONS), ...(chance(0.3) && { gpu: 'true' }) },
      ...(chance(0.3) && { maxGames: 1 + random.whole(20) }),
    };
  }

  function toList(): FleetList {
    return { instances: [...instances], unusable: 0, duplicates: 0 };
  }

  function changeFleet(): void {
    if (chance(0.5) && instances.length > 1) {
      const [left] = instances.splice(random.whole(instances.length), 1);
      if (left) gone = [...gone, left.id].slice(-5);
    } else if (instances.length < size) {
      instances = [...instances, newInstance()];
    }
    list = toList();
  }

  /** Some exporters are late, some have stopped, and some never began. */
  function measure(): void {
    for (const { id, cpuCores, memoryBytes } of instances) {
      const kind = id.length + Number(id.slice(-1));
      if (kind % 9 === 0 || (samples.has(id) && chance(0.15))) continue;
      if (chance(0.02)) {
        samples.delete(id);
        continue;
      }
      samples.set(id, {
        atS: nowMs / 1000 - random.uniform() * 14,
        cpuCores: cpuCores * random.uniform(),
        memoryBytes: memoryBytes * random.uniform(),
      });
    }
    load = { samples: new Map(samples) };
  }

  function assign(): AssignRequest {
    games += 1;
    const gameId = chance(0.05) && live.length > 0 ? oneOf(live) : `game-${games}`;
    live.push(gameId);
    const expected = {
      exact: chance(0.5),
      ...(chance(0.7) && { cpuCores: random.uniform() }),
      ...(chance(0.7) && { memoryBytes: 1e9 * random.uniform() }),
    };
    const region = toSelector({ region: oneOf(REGIONS) });
    const gpu = toSelector({ gpu: true });
    return {
      op: 'assign',
      gameId,
      level: chance(0.5) ? 'low' : 'high',
      attempt: `attempt-${games}`,
      deadlineMs: nowMs + 5000,
      ...(chance(0.2) && { expected }),
      ...(chance(0.2) && { strategy: oneOf(['spread', 'pack'] as const) }),
      ...(chance(0.15) && region && { require: region }),
      ...(chance(0.15) && gpu && { prefer: gpu }),
    };
  }

  function other(): ServiceRequest {
    const deadlineMs = nowMs + 5000;
    if (chance(0.2) || live.length === 0) return { op: 'choose', level: 'low', deadlineMs };
    const [gameId = ''] = live.splice(random.whole(live.length), 1);
    return { op: chance(0.8) ? 'release' : 'renew', gameId, deadlineMs };
  }

  return {
    get nowMs() {
      return nowMs;
    },
    view: (): FleetView => ({ list, load, degraded: [], absence: { askedAtMs: nowMs, gone } }),
    pass() {
      const pauseMs = chance(0.01) ? 1_200_000 : chance(0.02) ? 120_000 : 4000;
      nowMs += Math.floor(pauseMs * random.uniform());
      if (chance(0.03)) changeFleet();
      // Sometimes Prometheus stands still.
      if (nowMs >= nextReportMs) {
        measure();
        nextReportMs = nowMs + (chance(0.03) ? 900_000 : 5000);
      }
    },
    requests: (): ServiceRequest[] =>
      Array.from({ length: chance(0.2) ? 1 + random.whole(64) : 1 }, () => (chance(0.25) ? other() : assign())),
  };
}
