import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * `serverless package` into `folder`: the zips, and the CloudFormation template. With an empty home folder, and so
 * without credentials. It takes some 8 s.
 */
export async function packageService(folder: string, stage: string): Promise<void> {
  const serverless = join(PROJECT, 'node_modules/serverless/bin/serverless.js');
  const env = { PATH: process.env['PATH'], HOME: folder, SLS_TELEMETRY_DISABLED: '1', SLS_NOTIFICATIONS_MODE: 'off' };
  const args = [serverless, 'package', '--stage', stage, '--package', folder];
  await promisify(execFile)(process.execPath, args, { cwd: PROJECT, env });
}
