import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withSetupLock } from '../../dev/setup-lock.mjs';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const LOCK = join(tmpdir(), `packaging-${createHash('sha256').update(PROJECT).digest('hex').slice(0, 16)}`);

/** Of a hook that packages twice, and waits for others that do. */
export const PACKAGING_LIMIT_MS = 400_000;

/**
 * `serverless package` into `folder`: the zips, and the CloudFormation template. With an empty home folder, and so
 * without credentials. `params` are those of serverless.yml. It takes some 8 s; two at once take turns, since both make
 * their zips in .serverless/ before they move them.
 */
export async function packageService(
  folder: string,
  stage: string,
  params: Readonly<Record<string, string>> = {},
): Promise<void> {
  const serverless = join(PROJECT, 'node_modules/serverless/bin/serverless.js');
  const env = { PATH: process.env['PATH'], HOME: folder, SLS_TELEMETRY_DISABLED: '1', SLS_NOTIFICATIONS_MODE: 'off' };
  const given = Object.entries(params).map(([name, value]) => `--param=${name}=${value}`);
  const args = [serverless, 'package', '--stage', stage, '--package', folder, ...given];
  await withSetupLock(LOCK, async () => {
    await promisify(execFile)(process.execPath, args, { cwd: PROJECT, env });
  });
}
