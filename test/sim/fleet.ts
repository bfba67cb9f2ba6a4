import { CRASH, RAMP_S } from './model.ts';
import type { World } from './world.ts';

/** Share of a game's use that is added in each second from its start on: an even growth over RAMP_S, second by second. */
const GROWTH = Array.from({ length: RAMP_S + 1 }, (_, k) => (k === 0 || k === RAMP_S ? 0.5 : 1) / RAMP_S);

/** The instances as they truly are. */
export interface Fleet {
  readonly instances: number;
  readonly isAlive: (instance: number) => boolean;
  /** Whether discovery lists it. */
  readonly isListed: (instance: number) => boolean;
  /** Since when it has been running this time, as a tick. */
  readonly bornAt: Int32Array;
  /** Use once all games on it have grown, without the background: cores and bytes. */
  readonly fullCpu: Float64Array;
  readonly fullRam: Float64Array;
  readonly games: Int32Array;
  /** Use in the second under way, with everything: cores and bytes. Games want it, also where it is more than there is. */
  readonly cpu: Float64Array;
  readonly ram: Float64Array;
  /** CPU used until the start of `tick`, core seconds: no more than there is, since nobody can measure more. */
  cpuUsedUntil(tick: number, instance: number): number;
  /** RAM at the start of `tick`, bytes. */
  ramAt(tick: number, instance: number): number;
  /** Starts a second: who joins, dies or comes back. Returns the games that it has become known to be over. */
  begin(tick: number): readonly number[];
  /** Starts a game; lost where the instance is dead. */
  start(game: number, instance: number, tick: number): void;
  /** Lets the second pass. */
  pass(tick: number): void;
}

export function createFleet(world: World): Fleet {
  const { games, scenario, sizes, ticks } = world;
  const n = sizes.length;
  const alive = new Uint8Array(n).fill(1, 0, scenario.instances);
  const listed = alive.slice();
  const bornAt = new Int32Array(n);
  const fullCpu = new Float64Array(n);
  const fullRam = new Float64Array(n);
  const held = new Int32Array(n);
  const grownCpu = new Float64Array(n);
  const grownRam = new Float64Array(n);
  const growingCpu = GROWTH.map(() => new Float64Array(n));
  const growingRam = GROWTH.map(() => new Float64Array(n));
  const cpu = new Float64Array(n);
  const ram = new Float64Array(n);
  const usedCpu = new Float64Array((ticks + 1) * n);
  const ramHistory = new Float64Array((ticks + 1) * n);
  const ending: number[][] = Array.from({ length: ticks }, () => []);
  const instanceOf = new Int32Array(games.count).fill(-1);
  /** Games that died with an instance and that nobody has been told of. */
  const lost: number[][] = sizes.map(() => []);
  const due = new Map<number, () => readonly number[]>();

  function die(instance: number, tick: number) {
    alive[instance] = 0;
    for (const level of [fullCpu, fullRam, grownCpu, grownRam, ...growingCpu, ...growingRam]) level[instance] = 0;
    held[instance] = 0;
    for (let game = 0; game < games.firstOf[tick]!; game += 1) {
      if (instanceOf[game] !== instance) continue;
      instanceOf[game] = -1;
      lost[instance]!.push(game);
    }
    due.set(tick + CRASH.noticedAfterS, () => {
      listed[instance] = 0;
      return lost[instance]!.splice(0);
    });
    due.set(tick + CRASH.backAfterS, () => {
      join(instance, tick + CRASH.backAfterS);
      return lost[instance]!.splice(0);
    });
  }

  function join(instance: number, tick: number) {
    alive[instance] = 1;
    listed[instance] = 1;
    bornAt[instance] = tick;
  }

  function begin(tick: number): readonly number[] {
    const over = [...(due.get(tick)?.() ?? [])];
    if (tick === scenario.joining?.atS) for (let i = scenario.instances; i < n; i += 1) join(i, tick);
    const crashed = world.crashes.get(tick);
    if (crashed !== undefined) die(crashed, tick);
    for (const game of ending[tick] ?? []) {
      const instance = instanceOf[game]!;
      if (instance === -1) continue;
      fullCpu[instance]! -= games.cpu[game]!;
      fullRam[instance]! -= games.ram[game]!;
      grownCpu[instance]! -= games.cpu[game]!;
      grownRam[instance]! -= games.ram[game]!;
      held[instance]! -= 1;
      instanceOf[game] = -1;
      over.push(game);
    }
    return over;
  }

  function start(game: number, instance: number, tick: number) {
    if (!alive[instance]) {
      lost[instance]!.push(game);
      return;
    }
    instanceOf[game] = instance;
    fullCpu[instance]! += games.cpu[game]!;
    fullRam[instance]! += games.ram[game]!;
    held[instance]! += 1;
    for (const [k, share] of GROWTH.entries()) {
      const slot = (tick + k) % GROWTH.length;
      growingCpu[slot]![instance]! += share * games.cpu[game]!;
      growingRam[slot]![instance]! += share * games.ram[game]!;
    }
    ending[games.endTick[game]!]?.push(game);
  }

  function pass(tick: number) {
    const slot = tick % GROWTH.length;
    const [moreCpu, moreRam] = [growingCpu[slot]!, growingRam[slot]!];
    for (let i = 0, at = tick * n; i < n; i += 1, at += 1) {
      grownCpu[i]! += moreCpu[i]!;
      grownRam[i]! += moreRam[i]!;
      const there = alive[i]!;
      cpu[i] = there * (grownCpu[i]! + world.background[at]!);
      ram[i] = there * (grownRam[i]! + world.baseline[i]!);
      usedCpu[at + n] = usedCpu[at]! + Math.min(cpu[i]!, sizes[i]!.cpuCores);
      ramHistory[at + n] = ram[i]!;
    }
    moreCpu.fill(0);
    moreRam.fill(0);
  }

  return {
    instances: n,
    isAlive: (instance) => alive[instance] === 1,
    isListed: (instance) => listed[instance] === 1,
    bornAt,
    fullCpu,
    fullRam,
    games: held,
    cpu,
    ram,
    cpuUsedUntil: (tick, instance) => usedCpu[tick * n + instance]!,
    ramAt: (tick, instance) => ramHistory[tick * n + instance]!,
    begin,
    start,
    pass,
  };
}
