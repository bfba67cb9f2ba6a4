import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../find-server.mjs';
import { wrongExamples } from './message-examples.ts';

/** What is wrong with an OpenAPI document, as Redocly's linter says it; empty: nothing. It asks nobody on the network. */
export function lintOpenApi(file: string): Promise<string> {
  const redocly = join(PROJECT_ROOT, 'node_modules/@redocly/cli/bin/cli.js');
  const args = ['lint', file, '--config', join(PROJECT_ROOT, 'redocly.yaml'), '--format', 'stylish'];
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, [redocly, ...args], { env }, (error, stdout, stderr) => {
      const isFine = error === null && !/warning/i.test(stdout + stderr);
      resolve(isFine ? '' : `${stdout}${stderr}`);
    });
  });
}

/** Rules of the parser that are not ours: 3.0 is what its users' tools read, and 3.1 adds nothing that is needed here. */
const TURNED_OFF: ReadonlySet<string> = new Set(['asyncapi-latest-version']);

/** The same of an AsyncAPI document, as AsyncAPI's parser says it, everything from a hint up; and of its examples. */
export async function parseAsyncApi(file: string): Promise<string> {
  const { Parser } = await import('@asyncapi/parser');
  const text = await readFile(file, 'utf8');
  const diagnostics = await new Parser().validate(text, { source: file });
  const problems = diagnostics.filter(({ code }) => !TURNED_OFF.has(String(code)));
  if (problems.length === 0) return wrongExamples(JSON.parse(text));
  return problems.map(({ code, path, message }) => `${path.join('.')}: ${message} (${code})`).join('\n');
}
