import type { Fleet } from './fleet.ts';
import { ALLOCATOR_LIFE_S, ALLOCATORS } from './model.ts';
import { type Answer, copyOf, type Prometheus } from './prometheus.ts';
import type { World } from './world.ts';

/** What an allocator believes of the fleet. */
export interface View {
  /** Instances that it may choose from, by number. */
  readonly listed: readonly number[];
  readonly load: Answer;
}

export interface Allocators {
  /** Lets others take the place of those whose life is over. */
  begin(tick: number): void;
  /** Which one a game comes to. */
  at(door: number): number;
  /** What it goes by for a game that comes at `tick`. */
  view(allocator: number, tick: number): View;
  /** Changes when another takes its place: what it had in memory is gone. */
  life(allocator: number): number;
}

/**
 * Each fetches the whole fleet when a game comes and it has no view, or one that is older than `viewAgeS`: nothing runs
 * in an allocator between requests.
 */
export function createAllocators(world: World, fleet: Fleet, prometheus: Prometheus, viewAgeS: number): Allocators {
  const random = world.random('allocators');
  const lives = new Int32Array(ALLOCATORS);
  // The first ones are in the middle of their lives.
  const diesAt = Float64Array.from({ length: ALLOCATORS }, () => Math.ceil(random.uniform() * lifeS(random.uniform())));
  const fetchedAt = new Float64Array(ALLOCATORS).fill(Number.NEGATIVE_INFINITY);
  const views: View[] = [];

  function fetch(): View {
    const listed: number[] = [];
    for (let i = 0; i < fleet.instances; i += 1) if (fleet.isListed(i)) listed.push(i);
    return { listed, load: copyOf(prometheus.answer()) };
  }

  return {
    begin(tick) {
      for (let a = 0; a < ALLOCATORS; a += 1) {
        if (tick < diesAt[a]!) continue;
        lives[a]! += 1;
        diesAt[a] = tick + lifeS(random.uniform());
        fetchedAt[a] = Number.NEGATIVE_INFINITY;
      }
    },
    at: (door) => Math.floor(door * ALLOCATORS),
    view(allocator, tick) {
      if (tick - fetchedAt[allocator]! > viewAgeS) {
        views[allocator] = fetch();
        fetchedAt[allocator] = tick;
      }
      return views[allocator]!;
    },
    life: (allocator) => lives[allocator]!,
  };
}

function lifeS(uniform: number): number {
  return Math.round(ALLOCATOR_LIFE_S.least + (ALLOCATOR_LIFE_S.most - ALLOCATOR_LIFE_S.least) * uniform);
}
