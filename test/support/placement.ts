import type { Candidate, ChoiceRequest, GameRequest, PlacementRequest } from '../../lib/app/placement.ts';
import type { Sample } from '../../lib/domain/fleet.ts';
import type { PlacementConfig } from '../../lib/placement/lua-placement.ts';

export const GIB = 1024 ** 3;
/** A time of no meaning, seconds since 1970. */
export const T0 = 1_760_000_000;
const GAME_COST = { cpuCores: 0.12, memoryBytes: 113e6 };
/** Long after anything in a test. */
export const NO_DEADLINE = Number.MAX_SAFE_INTEGER / 2;

/** The product's defaults, with keys of its own for each call, so that tests can share a Redis. */
export function placementConfig(overrides: Partial<PlacementConfig> = {}): PlacementConfig {
  const prefix = `test-${crypto.randomUUID()}`;
  return {
    serviceName: 'game-service',
    recordPrefix: `${prefix}-games`,
    statePrefix: prefix,
    recordTtlS: 70,
    leaseTtlS: 70,
    mostGames: undefined,
    reassignGraceMs: 30_000,
    scrapeIntervalS: 15,
    cpuWindowS: 30,
    gameCost: { low: GAME_COST, high: GAME_COST },
    strategy: 'spread',
    packCeiling: 0.75,
    ...overrides,
  };
}

/** An eligible instance of 4 cores and 8 GiB; `load` as [seconds after T0, cores, bytes], absent: no sample. */
export function candidate(id: string, load?: readonly [number, number, number]): Candidate {
  const sample: Sample | undefined = load && { atS: T0 + load[0], cpuCores: load[1], memoryBytes: load[2] };
  return { instance: { id, status: 'eligible', cpuCores: 4, memoryBytes: 8 * GIB, tags: [], meta: {} }, sample };
}

let games = 0;

export function request(overrides: Partial<PlacementRequest> = {}): PlacementRequest {
  games += 1;
  return {
    op: 'assign',
    gameId: `game-${games}`,
    level: 'low',
    attempt: `attempt-${games}`,
    deadlineMs: NO_DEADLINE,
    ...overrides,
  };
}

/** What is asked of a game that has an instance. */
export function onGame(op: GameRequest['op'], gameId: string, overrides: Partial<GameRequest> = {}): GameRequest {
  return { op, gameId, deadlineMs: NO_DEADLINE, ...overrides };
}

/** A choice without a game. */
export function choice(overrides: Partial<ChoiceRequest> = {}): ChoiceRequest {
  return { op: 'choose', level: 'low', deadlineMs: NO_DEADLINE, ...overrides };
}

export function requests(count: number, overrides: Partial<PlacementRequest> = {}): PlacementRequest[] {
  return Array.from({ length: count }, () => request(overrides));
}
