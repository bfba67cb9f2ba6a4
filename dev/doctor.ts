import { createAsking } from './doctor/ask.ts';
import { readDoctorConfig } from './doctor/configuration.ts';
import { readDoctorOptions } from './doctor/options.ts';
import { formatReport, isHealthy, toJson } from './doctor/report.ts';
import { runChecks } from './doctor/run-checks.ts';
import { readStackFile } from './stack/stack-file.ts';

const { json, timeoutMs, skip, relayUrl } = readDoctorOptions(process.argv.slice(2));
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(1); // again: at once
    stopping.abort();
    console.error('stopping: removing what was written (again: at once)');
  });
}

const config = readDoctorConfig(process.env, await readStackFile());
const checks = await runChecks(
  { ...config, relayUrl: relayUrl ?? config.relayUrl },
  skip,
  createAsking(timeoutMs, stopping.signal),
);
if (stopping.signal.aborted) process.exit(130);

const report = { source: config.source, checks };
const colour = process.stdout.isTTY && process.stdout.hasColors() && !process.env['NO_COLOR'];
const text = json ? toJson(report) : formatReport(report, colour);
// Not left to the event loop: a server that never said who it is keeps the NATS client waiting.
process.stdout.write(`${text}\n`, () => process.exit(isHealthy(report) ? 0 : 1));
