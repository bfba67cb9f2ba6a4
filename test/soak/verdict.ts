import type { Violation } from '../faults/checker.ts';
import { type FaultWindow, isUntroubled } from './excuses.ts';

/** One request as the load saw it. */
export interface Seen {
  readonly op: string;
  readonly door: 'nats' | 'https';
  readonly sentMs: number;
  readonly ms: number;
  /** `success`, a failure's code, or `none`. */
  readonly outcome: string;
}

export interface SoakRun {
  /** How long it ran, ms. */
  readonly durationMs: number;
  readonly seen: readonly Seen[];
  readonly windows: readonly FaultWindow[];
  readonly violations: readonly Violation[];
  /** Requests without a reply in time that may be, by why. */
  readonly excused: Readonly<Record<string, number>>;
  /** Replies after their caller's time that are no violation: excused, or nothing on this machine could answer then. */
  readonly lateExcused: number;
  /** Memory of each relay, MiB, as it was looked at in turn. */
  readonly relayMiB: readonly number[];
}

export interface Verdict {
  readonly passed: boolean;
  /** The one line. */
  readonly line: string;
  /** What stands above it. */
  readonly details: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
}

const MOST_SHOWN = 20;

export function judge(run: SoakRun): Verdict {
  const { seen, windows, violations, excused, lateExcused, relayMiB } = run;
  const untroubled = seen.filter(({ sentMs, ms }) => isUntroubled({ fromMs: sentMs, toMs: sentMs + ms }, windows));
  const times = untroubled.filter(({ door }) => door === 'nats').map(({ ms }) => ms);
  const figures = {
    requests: seen.length,
    faults: windows.length,
    violations: violations.length,
    success_share: share(seen),
    untroubled_requests: untroubled.length,
    untroubled_success_share: share(untroubled),
    untroubled_p50_ms: quantile(times, 0.5),
    untroubled_p99_ms: quantile(times, 0.99),
    excused: Object.values(excused).reduce((sum, count) => sum + count, 0),
    late_excused: lateExcused,
    relay_mib_at_first: quantile(relayMiB.slice(0, Math.ceil(relayMiB.length / 4)), 0.5),
    relay_mib_at_last: quantile(relayMiB.slice(-Math.ceil(relayMiB.length / 4)), 0.5),
    relay_mib_highest: Math.max(0, ...relayMiB),
  };
  return {
    passed: violations.length === 0,
    line: `soak: ${minutes(run.durationMs)} min, ${count(seen.length)} requests, ${count(windows.length)} faults, ${count(violations.length)} violations`,
    details: [
      ...violations.slice(0, MOST_SHOWN).map(({ kind, gameId, detail }) => `${kind} ${gameId ?? ''}: ${detail}`),
      ...(violations.length > MOST_SHOWN ? [`... and ${count(violations.length - MOST_SHOWN)} more`] : []),
      `outcomes: ${listOf(tally(seen.map(({ outcome }) => outcome)))}`,
      `operations: ${listOf(tally(seen.map(({ op, door }) => `${op} over ${door}`)))}`,
      `faults: ${listOf(tally(windows.map(({ name }) => name)))}`,
      `no reply in time, by what explains it: ${listOf(excused) || 'none'}; ${count(lateExcused)} of them came late, or the machine stood still`,
      `success: ${percent(figures.success_share)} of all, ${percent(figures.untroubled_success_share)} of the ${count(untroubled.length)} outside of faults`,
      `time outside of faults, over NATS: p50 ${figures.untroubled_p50_ms.toFixed(1)} ms, p99 ${figures.untroubled_p99_ms.toFixed(1)} ms`,
      `a relay's memory: ${figures.relay_mib_at_first.toFixed(0)} MiB in the first quarter, ${figures.relay_mib_at_last.toFixed(0)} in the last, ${figures.relay_mib_highest.toFixed(0)} at most`,
    ],
    figures,
  };
}

function share(seen: readonly Seen[]): number {
  return seen.length === 0 ? 0 : seen.filter(({ outcome }) => outcome === 'success').length / seen.length;
}

/** The value that the share `q` of them does not exceed; 0 of none. */
function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}

export function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** The most frequent first. */
function listOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .toSorted(([, one], [, other]) => other - one)
    .map(([name, number]) => `${count(number)} ${name}`)
    .join(', ');
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function percent(value: number): string {
  return `${(100 * value).toFixed(2)} %`;
}

function minutes(ms: number): string {
  return String(Number((ms / 60_000).toFixed(1)));
}
