import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';
import { slope } from './statistics.ts';

const PRELOAD = join(PROJECT_ROOT, 'test', 'bench', 'handlers', 'heap-signal.mjs');
/** A collection takes 10 to 30 ms; all processes on two cores at once somewhat longer. */
const COLLECTED_AFTER_MS = 1500;
const MIB = 2 ** 20;

/** The environment of a process whose heap is to be watched. */
export function watchedEnv(logFile: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${PRELOAD}`, HEAP_LOG: logFile };
}

/** One reading of a process's heap after a collection. */
export interface HeapReading {
  readonly pid: number;
  readonly atMs: number;
  readonly bytes: number;
}

/** Makes the processes collect their garbage and write down what is left. */
export async function collectHeaps(pids: readonly number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGUSR2');
  await sleep(COLLECTED_AFTER_MS);
}

export async function readHeaps(logFile: string): Promise<HeapReading[]> {
  const text = await readFile(logFile, 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number))
    .map(([pid = 0, atMs = 0, bytes = 0]) => ({ pid, atMs, bytes }));
}

/** How the heaps grow, in all, MiB a minute: the sum of each process's slope, shrinking ones as they are. */
export function growthMibPerMin(readings: readonly HeapReading[]): number {
  const byPid = Map.groupBy(readings, ({ pid }) => pid);
  return [...byPid.values()].reduce(
    (sum, own) => sum + slope(own.map(({ atMs, bytes }) => [atMs / 60_000, bytes / MIB])),
    0,
  );
}
