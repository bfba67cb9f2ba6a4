import { measureOf } from '../scenarios.ts';
import { leastOf, oneByOne, type Policy, type Surroundings } from './policy.ts';

/**
 * Joins whichever instance is then the least utilised, in truth: what its games use once they have grown, what else
 * runs on it now, and what this game will use.
 */
export function createOracle(surroundings: Surroundings): Policy {
  const { fleet, world } = surroundings;
  const { background, baseline, games, sizes } = world;
  const measure = measureOf(world.scenario);
  const n = fleet.instances;
  const everybody = sizes.map((_, instance) => instance);

  return oneByOne(surroundings, (game, tick) => {
    const cpu = (i: number) => (fleet.fullCpu[i]! + background[tick * n + i]! + games.cpu[game]!) / sizes[i]!.cpuCores;
    const ram = (i: number) => (fleet.fullRam[i]! + baseline[i]! + games.ram[game]!) / sizes[i]!.memoryBytes;
    const utilisation = { cpu, ram, higher: (i: number) => Math.max(cpu(i), ram(i)) }[measure];
    return leastOf(everybody, (i) => (fleet.isAlive(i) ? utilisation(i) : Number.POSITIVE_INFINITY));
  });
}
