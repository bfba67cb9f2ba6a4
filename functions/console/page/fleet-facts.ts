import type { FleetInstance, FleetReply } from './types.ts';

/** One use of one instance, as shares of its capacity. Absent: not known. */
export interface Use {
  readonly measured?: number;
  /** What is expected on top of what was measured. */
  readonly pending: number;
}

export function cpuUse(instance: FleetInstance): Use {
  return useOf(instance.cpu_used, instance.cpu_cores, instance.cpu);
}

export function ramUse(instance: FleetInstance): Use {
  return useOf(instance.memory_used, instance.memory_bytes, instance.ram);
}

function useOf(used: number | undefined, capacity: number, expected: number | undefined): Use {
  const measured = used === undefined || capacity <= 0 ? undefined : used / capacity;
  const pending = Math.max(0, (expected ?? 0) - (measured ?? 0));
  return measured === undefined ? { pending } : { measured, pending };
}

/** Games of the last five minutes; 0 where that is not known. */
export function recentGames({ recent = [] }: FleetInstance): number {
  return recent.reduce((sum, games) => sum + games, 0);
}

/** What an operator wants to know first: whether new games can go there. */
export function statusWords({ status, state }: FleetInstance): string {
  if (status === 'draining') return 'draining';
  if (status === 'not_taking') return 'not taking';
  if (state === 'full') return 'full';
  if (state === 'dark') return 'no sample';
  if (state === 'not_selected') return 'not selected';
  return 'taking games';
}

export interface FleetTotals {
  readonly games?: number;
  readonly recent: number;
  readonly cpu: Use;
  readonly ram: Use;
}

/** Of all instances together, weighed by their size. */
export function totalsOf({ instances }: FleetReply): FleetTotals {
  const sum = (value: (instance: FleetInstance) => number | undefined) =>
    instances.reduce((total, instance) => total + (value(instance) ?? 0), 0);
  const measuredCpu = instances.filter(({ cpu_used }) => cpu_used !== undefined);
  const measuredRam = instances.filter(({ memory_used }) => memory_used !== undefined);
  const known = instances.some(({ games }) => games !== undefined);
  return {
    recent: sum(recentGames),
    cpu: totalUse(measuredCpu, (each) => each.cpu_cores, cpuUse),
    ram: totalUse(measuredRam, (each) => each.memory_bytes, ramUse),
    ...(known ? { games: sum(({ games }) => games) } : {}),
  };
}

function totalUse(
  instances: readonly FleetInstance[],
  size: (instance: FleetInstance) => number,
  use: (instance: FleetInstance) => Use,
): Use {
  const capacity = instances.reduce((sum, each) => sum + size(each), 0);
  if (capacity === 0) return { pending: 0 };
  const share = (part: (use: Use) => number) =>
    instances.reduce((sum, each) => sum + part(use(each)) * size(each), 0) / capacity;
  return { measured: share(({ measured = 0 }) => measured), pending: share(({ pending }) => pending) };
}
