import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';
import { TRANSCRIPTS } from '../../dev/servers/transcripts.ts';
import { isAlive } from '../../dev/stack/stack-file.ts';

const RUNS = join(PROJECT_ROOT, '.local', 'transcripts');

/** Vitest's global set-up: a folder for all that our processes say during this run. It stays until the next one. */
export default async function collectTranscripts(): Promise<void> {
  if (process.env[TRANSCRIPTS]) return; // it is set up for each project
  await mkdir(RUNS, { recursive: true });
  for (const run of await readdir(RUNS)) {
    if (!isAlive(Number(run))) await rm(join(RUNS, run), { recursive: true, force: true });
  }
  const folder = join(RUNS, String(process.pid));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  process.env[TRANSCRIPTS] = folder;
}
