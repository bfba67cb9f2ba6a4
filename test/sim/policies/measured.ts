import type { View } from '../allocators.ts';
import { leastOf, oneByOne, type Policy, type Surroundings } from './policy.ts';

/**
 * LOAD_THRESHOLD=2.0 of the replaced service's later version, as it is documented: percentage points. (It is compared
 * with cores and bytes there, which makes it plain round robin for CPU and plain least loaded for RAM.)
 */
const THRESHOLD = 0.02;

/** The utilisation that an allocator has read, of what the game asks for; one without metrics counts as idle. */
function measured({ world }: Surroundings, { load }: View, game: number): (instance: number) => number {
  const high = world.games.high[game] === 1;
  return (instance) => {
    if (load.sampled[instance] === 0) return 0;
    const { cpuCores, memoryBytes } = world.sizes[instance]!;
    return high ? load.ram[instance]! / memoryBytes : load.cpu[instance]! / cpuCores;
  };
}

/** The replaced service: the least loaded as measured. */
export function createLeastLoaded(surroundings: Surroundings): Policy {
  const { allocators, world } = surroundings;
  return oneByOne(surroundings, (game, tick) => {
    const view = allocators.view(allocators.at(world.games.door[game]!), tick);
    return leastOf(view.listed, measured(surroundings, view, game));
  });
}

/** Its later version: those within a threshold of the least take turns, and each allocator goes round by itself. */
export function createThresholdRoundRobin(surroundings: Surroundings): Policy {
  const { allocators, world } = surroundings;
  const turns = new Map<string, number>();
  return oneByOne(surroundings, (game, tick) => {
    const allocator = allocators.at(world.games.door[game]!);
    const view = allocators.view(allocator, tick);
    const utilisation = measured(surroundings, view, game);
    const least = Math.min(...view.listed.map(utilisation));
    const close = view.listed.filter((instance) => utilisation(instance) <= least + THRESHOLD);
    const life = `${allocator}/${allocators.life(allocator)}`;
    const turn = turns.get(life) ?? 0;
    turns.set(life, turn + 1);
    return close[turn % close.length]!;
  });
}

/** The less loaded, as measured, of two drawn at random. */
export function createPowerOfTwo(surroundings: Surroundings): Policy {
  const { allocators, random, world } = surroundings;
  return oneByOne(surroundings, (game, tick) => {
    const view = allocators.view(allocators.at(world.games.door[game]!), tick);
    const drawn = [0, 0].map(() => view.listed[random.whole(view.listed.length)]!);
    return leastOf(drawn, measured(surroundings, view, game));
  });
}
