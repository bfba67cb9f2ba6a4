import { oneByOne, type Policy, type Surroundings } from './policy.ts';

export function createRandomPolicy(surroundings: Surroundings): Policy {
  const { allocators, random, world } = surroundings;
  return oneByOne(surroundings, (game, tick) => {
    const { listed } = allocators.view(allocators.at(world.games.door[game]!), tick);
    return listed[random.whole(listed.length)]!;
  });
}

/** All allocators share one turn. */
export function createRoundRobin(surroundings: Surroundings): Policy {
  const { allocators, world } = surroundings;
  let turn = 0;
  return oneByOne(surroundings, (game, tick) => {
    const { listed } = allocators.view(allocators.at(world.games.door[game]!), tick);
    turn += 1;
    return listed[turn % listed.length]!;
  });
}
