import { execFile } from 'node:child_process';
import { findServer } from '../find-server.mjs';

/** Runs Prometheus's own checker. `output`: what it printed, both streams. Rejects where it cannot be run. */
export function runPromtool(args: readonly string[]): Promise<{ readonly ok: boolean; readonly output: string }> {
  const { command, env } = findServer('promtool');
  return new Promise((resolve, reject) => {
    execFile(command, args, { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      // A number is its exit code; anything else says that it never ran.
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ ok: error === null, output: stdout + stderr });
    });
  });
}
