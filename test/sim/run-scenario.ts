import { createAllocators } from './allocators.ts';
import { createFleet, type Fleet } from './fleet.ts';
import type { Policy, Surroundings } from './policies/policy.ts';
import { createPrometheus } from './prometheus.ts';
import { createObserver, type Outcome } from './regret.ts';
import { measureOf, type Scenario, startsAt } from './scenarios.ts';
import { createWorld, type World } from './world.ts';

/** How measurements reach the allocators: seconds, whole. */
export interface Timing {
  readonly scrapeIntervalS: number;
  readonly cpuWindowS: number;
  /** How old an allocator's view gets. */
  readonly viewAgeS: number;
}

export const DEFAULT_TIMING: Timing = { scrapeIntervalS: 15, cpuWindowS: 30, viewAgeS: 10 };

export interface RunOptions {
  readonly timing: Timing;
  /** Called at the end of every measured second. */
  readonly onSecond?: (tick: number, fleet: Fleet, world: World) => void;
}

/**
 * Lives through a scenario, second by second. In each: who dies, joins or ends; scrapes; the decisions, with the
 * allocators' fetches; then the second passes.
 */
export async function runScenario(
  scenario: Scenario,
  seed: number,
  createPolicy: (surroundings: Surroundings) => Policy,
  { timing, onSecond }: RunOptions,
): Promise<Outcome> {
  const startedAt = performance.now();
  const world = createWorld(scenario, seed);
  const fleet = createFleet(world);
  const prometheus = createPrometheus(world, fleet, timing);
  const allocators = createAllocators(world, fleet, prometheus, timing.viewAgeS);
  let now = 0;
  const policy = createPolicy({
    world,
    fleet,
    allocators,
    random: world.random('policy'),
    start: (game, instance) => fleet.start(game, instance, now),
  });
  const observer = createObserver(measureOf(scenario));
  let newcomerShare = 0;

  for (let tick = 0; tick < world.ticks; tick += 1) {
    now = tick;
    if (scenario.emptied && startsAt(scenario.emptied, tick)) await policy.emptied?.();
    const over = fleet.begin(tick);
    if (over.length > 0 && policy.ended) await policy.ended(tick, over);
    prometheus.scrape(tick);
    allocators.begin(tick);
    const [first, end] = [world.games.firstOf[tick]!, world.games.firstOf[tick + 1]!];
    if (end > first) await policy.place(tick, first, end);
    fleet.pass(tick);

    if (tick < scenario.warmUpS) continue;
    observeSecond(observer, fleet, world);
    newcomerShare = Math.max(newcomerShare, largestNewcomerShare(fleet, scenario));
    onSecond?.(tick, fleet, world);
  }
  return {
    ...observer.result(),
    games: world.games.count,
    ...(scenario.joining && { newcomerShare }),
    tookS: (performance.now() - startedAt) / 1000,
  };
}

/** Dead instances do not count; one that has joined or is back counts from its first second on. */
function observeSecond(observer: ReturnType<typeof createObserver>, fleet: Fleet, { sizes }: World): void {
  const alive: number[] = [];
  for (let i = 0; i < fleet.instances; i += 1) if (fleet.isAlive(i)) alive.push(i);
  observer.observe(
    alive.length,
    (index) => fleet.cpu[alive[index]!]! / sizes[alive[index]!]!.cpuCores,
    (index) => fleet.ram[alive[index]!]! / sizes[alive[index]!]!.memoryBytes,
  );
}

/** Games on the fullest newcomer over an equal share of all games. */
function largestNewcomerShare({ games, instances }: Fleet, scenario: Scenario): number {
  const newcomers = games.subarray(scenario.instances);
  const all = games.reduce((sum, count) => sum + count, 0);
  return all === 0 || newcomers.length === 0 ? 0 : (Math.max(...newcomers) * instances) / all;
}
