import type { Random } from '../support/random.ts';
import {
  GAME_CPU,
  GAME_DURATION,
  GAME_RAM,
  HINT_SIGMA,
  type Lognormal,
  meanBackground,
  meanFullUseS,
  meanOf,
  SHORTEST_GAME_S,
  type Size,
} from './model.ts';
import { durationOf, isWithin, type Scenario } from './scenarios.ts';

/** All games of a run, in the order in which they come; one position in every array is one game. */
export interface Workload {
  readonly count: number;
  /** Games of second t: from firstOf[t] to firstOf[t + 1], not included. */
  readonly firstOf: Int32Array;
  readonly endTick: Int32Array;
  /** Cores and bytes. */
  readonly cpu: Float64Array;
  readonly ram: Float64Array;
  /** 1 where it asks for `high`. */
  readonly high: Uint8Array;
  /** Uniform in [0, 1): which allocator it comes to. */
  readonly door: Float64Array;
  /** What its caller would hint that it uses, cores and bytes. */
  readonly hintedCpu: Float64Array;
  readonly hintedRam: Float64Array;
}

/** Games per second that keep the fleet at the scenario's utilisation: of the RAM where all are `high`, else of the CPU. */
export function arrivalRate(scenario: Scenario, fleet: readonly Size[]): number {
  const { spike } = scenario;
  const [total, taken] = demand(scenario, fleet);
  const spikes = spike?.countsInMean && spike.everyS ? (spike.share * total * meanFullUseS()) / spike.everyS : 0;
  const games = scenario.utilisation * total - taken - spikes;
  return games / meanGame(scenario) / meanFullUseS();
}

export function createWorkload(scenario: Scenario, fleet: readonly Size[], random: Random): Workload {
  const ticks = durationOf(scenario);
  const rate = arrivalRate(scenario, fleet);
  const { idle, spike, level } = scenario;
  const spikeRate = spike ? (spike.share * demand(scenario, fleet)[0]) / meanGame(scenario) / spike.forS : 0;
  const firstOf = new Int32Array(ticks + 1);
  for (let tick = 0; tick < ticks; tick += 1) {
    const usual = idle && isWithin(idle, tick) ? 0 : rate;
    const extra = spike && isWithin(spike, tick) ? spikeRate : 0;
    firstOf[tick + 1] = firstOf[tick]! + random.poisson(usual + extra);
  }
  const count = firstOf[ticks]!;
  const column = (value: () => number) => Float64Array.from({ length: count }, value);
  const draw = ({ median, sigma }: Lognormal) => median * Math.exp(sigma * random.normal());
  const cpu = column(() => draw(GAME_CPU));
  const ram = column(() => draw(GAME_RAM));
  const hintedCpu = cpu.map((use) => use * Math.exp(HINT_SIGMA * random.normal()));
  const hintedRam = ram.map((use) => use * Math.exp(HINT_SIGMA * random.normal()));
  const endTick = new Int32Array(count);
  for (let tick = 0; tick < ticks; tick += 1) {
    for (let game = firstOf[tick]!; game < firstOf[tick + 1]!; game += 1) {
      endTick[game] = tick + Math.max(SHORTEST_GAME_S, Math.round(draw(GAME_DURATION)));
    }
  }
  const door = column(random.uniform);
  const high = Uint8Array.from({ length: count }, () => isHigh(level, random));
  return { count, firstOf, endTick, cpu, ram, high, door, hintedCpu, hintedRam };
}

function isHigh(level: Scenario['level'], random: Random): number {
  return level === 'both' ? random.whole(2) : Number(level === 'high');
}

/** The fleet's whole capacity, and what is taken of it without any game: cores, or bytes where all games are `high`. */
function demand({ level, ramBaseline }: Scenario, fleet: readonly Size[]): [total: number, taken: number] {
  if (level === 'high') {
    const total = fleet.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
    return [total, ramBaseline ? (total * (ramBaseline.least + ramBaseline.most)) / 2 : 0];
  }
  const total = fleet.reduce((sum, { cpuCores }) => sum + cpuCores, 0);
  return [total, total * meanBackground()];
}

function meanGame({ level }: Scenario): number {
  return meanOf(level === 'high' ? GAME_RAM : GAME_CPU);
}
