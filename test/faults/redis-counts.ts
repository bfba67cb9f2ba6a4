import type { Redis } from 'ioredis';

/** How many games the service's state counts. */
export interface GameCounts {
  /** Notes on games. */
  readonly notes: number;
  /** Places that games hold on all instances. */
  readonly places: number;
  /** The decayed count of games placed, of all instances, at `atS` by Redis's clock. */
  readonly sessions: number;
  readonly atS: number;
  readonly placedAtS: Readonly<Record<string, number>>;
}

/** Positions in an instance's state and in a note, and the time over which sessions decay, as place.lua has them. */
const SESSIONS = 8;
const PLACED_AT = 10;
const GAMES = 13;
const NOTE_PLACED = 2;
const MEMORY_S = 900;

export async function readCounts(redis: Redis, state = 'game-allocator:v1:game-service'): Promise<GameCounts> {
  const [seconds = 0, micros = 0] = (await redis.time()).map(Number);
  const atS = seconds + micros / 1e6;
  const fields = Object.entries(await redis.hgetall(state));
  const of = (prefix: string) =>
    fields
      .filter(([field]) => field.startsWith(prefix))
      .map(([field, text]): [string, number[]] => [field, JSON.parse(text)]);
  const instances = of('i:').map(
    ([, values]) =>
      (position: number) =>
        values[position - 1] ?? Number.NaN,
  );
  const notes = of('g:');
  return {
    notes: notes.length,
    places: sum(instances.map((at) => at(GAMES))),
    sessions: sum(instances.map((at) => at(SESSIONS) * decay(atS - at(PLACED_AT)))),
    atS,
    placedAtS: Object.fromEntries(notes.map(([field, values]) => [field, values[NOTE_PLACED - 1] ?? Number.NaN])),
  };
}

/** What came between two readings; sessions as if none of them had decayed since it began. */
export function addedBetween(before: GameCounts, after: GameCounts) {
  const added = Object.entries(after.placedAtS).filter(([field]) => !(field in before.placedAtS));
  const expected = sum(added.map(([, placedAtS]) => decay(after.atS - placedAtS)));
  const grown = after.sessions - before.sessions * decay(after.atS - before.atS);
  return {
    notes: after.notes - before.notes,
    places: after.places - before.places,
    sessions: (grown / expected) * added.length,
  };
}

function decay(forS: number): number {
  return Math.exp(-forS / MEMORY_S);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
