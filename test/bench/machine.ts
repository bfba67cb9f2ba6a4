import { execFile } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';

const run = promisify(execFile);

export interface Machine {
  readonly measuredAt: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly commit: string;
  /** Load average over a minute before the bench began: above 0.5 somebody else was at work. */
  readonly loadBefore: number;
  readonly quick: boolean;
}

export async function describeMachine(quick: boolean): Promise<Machine> {
  const commit = await run('git', ['rev-parse', '--short', 'HEAD'], { cwd: PROJECT_ROOT }).catch(() => undefined);
  return {
    measuredAt: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: commit?.stdout.trim() ?? 'unknown',
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
    quick,
  };
}
