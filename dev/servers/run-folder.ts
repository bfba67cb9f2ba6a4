import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../find-server.mjs';

const RUNS = join(PROJECT_ROOT, '.local', 'run');

/** A new folder for one server's data and log, .local/run/<pid>-<name>-<random>; its owner removes it. */
export async function createRunFolder(name: string): Promise<string> {
  await mkdir(RUNS, { recursive: true });
  await removeLeftOvers();
  return mkdtemp(join(RUNS, `${process.pid}-${name}-`));
}

/** Folders of processes that were killed before they could clean up. */
async function removeLeftOvers(): Promise<void> {
  for (const entry of await readdir(RUNS)) {
    const pid = Number(entry.split('-')[0]);
    if (Number.isInteger(pid) && !isAlive(pid)) await rm(join(RUNS, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
