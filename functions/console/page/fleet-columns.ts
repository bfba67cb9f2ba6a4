import { cpuUse, ramUse, recentGames, statusWords } from './fleet-facts.ts';
import { ago, bytes, cores, count, smallPercent } from './format.ts';
import type { FleetInstance } from './types.ts';

export interface FleetColumn {
  readonly key: 'id' | 'status' | 'size' | 'cpu' | 'ram' | 'games' | 'recent' | 'sample';
  readonly title: string;
  /** What it sorts by; of equal ones the id decides. Rounded as it is shown, or rows would swap for no visible reason. */
  readonly sortBy: (instance: FleetInstance) => number | string;
  /** Whether the most comes first at the first click. */
  readonly mostFirst: boolean;
}

const share = (use: { readonly measured?: number; readonly pending: number }) =>
  Math.round(((use.measured ?? 0) + use.pending) * 100);

export const FLEET_COLUMNS: readonly FleetColumn[] = [
  { key: 'id', title: 'Instance', sortBy: () => 0, mostFirst: false },
  { key: 'status', title: 'Status', sortBy: statusWords, mostFirst: false },
  { key: 'size', title: 'Capacity', sortBy: ({ cpu_cores }) => cpu_cores, mostFirst: true },
  { key: 'cpu', title: 'CPU', sortBy: (instance) => share(cpuUse(instance)), mostFirst: true },
  { key: 'ram', title: 'RAM', sortBy: (instance) => share(ramUse(instance)), mostFirst: true },
  { key: 'games', title: 'Games', sortBy: ({ games = -1 }) => games, mostFirst: true },
  { key: 'recent', title: 'Last 5 min', sortBy: recentGames, mostFirst: true },
  { key: 'sample', title: 'Sample', sortBy: ({ sample_age_s = 1e9 }) => Math.round(sample_age_s), mostFirst: true },
];

export function capacityText({ cpu_cores, memory_bytes }: FleetInstance): string {
  return `${cores(cpu_cores)}, ${bytes(memory_bytes)}`;
}

export function gamesText({ games, max_games }: FleetInstance): string {
  if (games === undefined) return max_games === undefined ? '' : `? / ${count(max_games)}`;
  return max_games === undefined ? count(games) : `${count(games)} / ${count(max_games)}`;
}

export function recentText(instance: FleetInstance, allRecent: number): string {
  if (instance.recent === undefined) return '';
  const own = recentGames(instance);
  return own === 0 ? '0' : `${smallPercent(own / allRecent)} (${count(own)})`;
}

export function sampleText({ sample_age_s }: FleetInstance): string {
  return sample_age_s === undefined ? 'none' : ago(sample_age_s);
}
