import { createRandom, type Random } from '../support/random.ts';
import { BACKGROUND, EQUAL_SIZES, MIXED_SIZES, type Size } from './model.ts';
import { durationOf, mostInstances, type Scenario, startsAt } from './scenarios.ts';
import { createWorkload, type Workload } from './workload.ts';

/** Everything in a run that is the same whoever places the games. */
export interface World {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly ticks: number;
  /** By instance; those that join come last. */
  readonly sizes: readonly Size[];
  readonly games: Workload;
  /** CPU that something else uses, cores: [tick * instances + instance]. */
  readonly background: Float32Array;
  /** RAM that something else uses, bytes, by instance. */
  readonly baseline: Float64Array;
  /** Which instance dies, by tick. */
  readonly crashes: ReadonlyMap<number, number>;
  /** Which instances are without metrics for a while or for ever, from that tick on. */
  readonly missing: ReadonlyMap<number, readonly number[]>;
  /** A stream of its own for each use. */
  random(use: string): Random;
}

export function createWorld(scenario: Scenario, seed: number): World {
  const random = (use: string) => createRandom(`${scenario.name}/${seed}/${use}`);
  const kinds = scenario.mixed ? MIXED_SIZES : EQUAL_SIZES;
  const sizes = Array.from({ length: mostInstances(scenario) }, (_, i) => kinds[i % kinds.length]!);
  // Those that join are there to relieve the others: nobody has more to do for them.
  const games = createWorkload(scenario, sizes.slice(0, scenario.instances), random('games'));
  return {
    scenario,
    seed,
    ticks: durationOf(scenario),
    sizes,
    games,
    background: createBackground(durationOf(scenario), sizes, random('background')),
    baseline: createBaseline(scenario, sizes, random('baseline')),
    crashes: createCrashes(scenario, random('crashes')),
    missing: createMissing(scenario, random('missing')),
    random,
  };
}

function createBackground(ticks: number, sizes: readonly Size[], random: Random): Float32Array {
  const { mean, deviation, keptPerSecond: keep } = BACKGROUND;
  const fresh = deviation * Math.sqrt(1 - keep ** 2);
  const background = new Float32Array(ticks * sizes.length);
  const off = sizes.map(() => deviation * random.normal());
  for (let at = 0, tick = 0; tick < ticks; tick += 1) {
    for (let i = 0; i < sizes.length; i += 1, at += 1) {
      off[i] = off[i]! * keep + fresh * random.normal();
      background[at] = Math.max(0, mean + off[i]!) * sizes[i]!.cpuCores;
    }
  }
  return background;
}

function createBaseline({ ramBaseline }: Scenario, sizes: readonly Size[], random: Random): Float64Array {
  const { least, most } = ramBaseline ?? { least: 0, most: 0 };
  return Float64Array.from(sizes, ({ memoryBytes }) => memoryBytes * (least + (most - least) * random.uniform()));
}

function createCrashes(scenario: Scenario, random: Random): ReadonlyMap<number, number> {
  const crashes = new Map<number, number>();
  for (let tick = 0; scenario.crash && tick < durationOf(scenario); tick += 1) {
    if (startsAt(scenario.crash, tick)) crashes.set(tick, random.whole(scenario.instances));
  }
  return crashes;
}

function createMissing(scenario: Scenario, random: Random): ReadonlyMap<number, readonly number[]> {
  const missing = new Map<number, readonly number[]>();
  const { missing: what, instances } = scenario;
  if (what === undefined) return missing;
  for (let tick = 0; tick < durationOf(scenario); tick += 1) {
    const starts = what.spells === 'always' ? tick === 0 : startsAt(what.spells, tick);
    if (starts) missing.set(tick, draw(instances, Math.round(instances * what.share), random));
  }
  return missing;
}

/** `count` different whole numbers below `below`. */
function draw(below: number, count: number, random: Random): readonly number[] {
  const drawn = new Set<number>();
  while (drawn.size < count) drawn.add(random.whole(below));
  return [...drawn];
}
