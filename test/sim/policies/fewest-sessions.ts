import { leastOf, oneByOne, type Policy, type Surroundings } from './policy.ts';

/**
 * The fewest recorded games for its size (cores), the game included, all recorded in one place and reported when over;
 * ties at random.
 */
export function createFewestSessions(surroundings: Surroundings): Policy {
  const { allocators, random, world } = surroundings;
  const counts = world.sizes.map(() => 0);
  const recorded = new Int32Array(world.games.count).fill(-1);
  const policy = oneByOne(surroundings, (game, tick) => {
    const { listed } = allocators.view(allocators.at(world.games.door[game]!), tick);
    const filling = (instance: number) => (counts[instance]! + 1) / world.sizes[instance]!.cpuCores;
    const least = filling(leastOf(listed, filling));
    const equal = listed.filter((instance) => filling(instance) === least);
    const chosen = equal[random.whole(equal.length)]!;
    counts[chosen]! += 1;
    recorded[game] = chosen;
    return chosen;
  });
  return {
    ...policy,
    ended(_tick, games) {
      for (const game of games) {
        const instance = recorded[game]!;
        if (instance !== -1) counts[instance]! -= 1;
      }
    },
    emptied() {
      counts.fill(0);
      recorded.fill(-1);
    },
  };
}
