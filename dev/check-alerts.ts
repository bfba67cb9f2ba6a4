// Checks deploy/alerts with Prometheus's own promtool: that the rules can be read, and that each fires when it should and
// not else. Part of `npm run check`; exits with 1 where something is wrong.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PROJECT_ROOT } from './find-server.mjs';
import { runPromtool } from './servers/promtool.ts';

const FOLDER = join(PROJECT_ROOT, 'deploy', 'alerts');
const rules = join(FOLDER, 'game-allocator.rules.yml');
const tests = join(FOLDER, 'game-allocator.test.yml');

const runs = await Promise.all([
  runPromtool(['check', 'rules', '--lint=all', '--lint-fatal', rules]),
  runPromtool(['test', 'rules', tests]),
]);
for (const { ok, output } of runs) if (!ok) process.stderr.write(output);
if (runs.every(({ ok }) => ok)) {
  const cases: { tests: { alert_rule_test: unknown[] }[] } = parse(await readFile(tests, 'utf8'));
  const times = cases.tests.reduce((sum, { alert_rule_test }) => sum + alert_rule_test.length, 0);
  const found = /(\d+) rules found/.exec(runs[0].output)?.[1] ?? '0';
  console.log(`promtool: ${found} alert rules are valid, and ring or keep silent as they should at ${times} moments`);
} else {
  process.exitCode = 1;
}
