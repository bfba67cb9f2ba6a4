import type { Io } from '../cli/command.ts';
import { stackFileOf } from '../cli/find-door.ts';
import { readStackFile } from '../stack/stack-file.ts';
import { createAsking } from './ask.ts';
import { readDoctorConfig } from './configuration.ts';
import { readDoctorOptions } from './options.ts';
import { formatReport, isHealthy, toJson } from './report.ts';
import { runChecks } from './run-checks.ts';

/** Asks, prints what it found, and returns the exit code; 130 when it was told to end, with what it wrote removed. */
export async function runDoctor(args: readonly string[], { env, stdout, stderr, signal }: Io): Promise<number> {
  const { json, timeoutMs, skip, relayUrl } = readDoctorOptions(args);
  signal.addEventListener('abort', () => void stderr.write('stopping: removing what was written (again: at once)\n'));

  const config = readDoctorConfig(env, await readStackFile(stackFileOf(env)));
  const asking = createAsking(timeoutMs, signal);
  const checks = await runChecks({ ...config, relayUrl: relayUrl ?? config.relayUrl }, skip, asking);
  if (signal.aborted) return 130;

  const report = { source: config.source, checks };
  await stdout.write(`${json ? toJson(report) : formatReport(report, stdout.colour)}\n`);
  return isHealthy(report) ? 0 : 1;
}
