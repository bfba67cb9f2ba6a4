import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';

const run = promisify(execFile);
const NATS_PY = 'nats-py==2.15.0';
const FOLDER = join(PROJECT_ROOT, '.local/python');

/**
 * A Python that has nats-py: the machine's own, else one with it in .local/python, where pip can bring it. Or why there
 * is none.
 */
export async function pythonWithNats(): Promise<{ readonly command: string } | { readonly missing: string }> {
  const own = join(FOLDER, 'bin/python');
  for (const command of ['python3', own]) {
    if (await works(command, ['-c', 'import nats'])) return { command };
  }
  if (!(await works('python3', ['-c', 'import venv, ensurepip']))) return { missing: 'no python3 with venv' };
  try {
    await access(own).catch(() => run('python3', ['-m', 'venv', FOLDER], { timeout: 60_000 }));
    // An index that cannot be reached is not waited for.
    const patience = ['--retries', '0', '--timeout', '5', '--disable-pip-version-check'];
    await run(own, ['-m', 'pip', 'install', '--quiet', ...patience, NATS_PY], { timeout: 60_000 });
    return { command: own };
  } catch {
    return { missing: `pip cannot bring ${NATS_PY}` };
  }
}

function works(command: string, args: readonly string[]): Promise<boolean> {
  return run(command, args, { timeout: 20_000 }).then(
    () => true,
    () => false,
  );
}
