import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { expect, it, onTestFinished } from 'vitest';
import { createLog } from '../../../lib/adapters/log/create-log.ts';

const CREATE_LOG = join(import.meta.dirname, '../../../lib/adapters/log/create-log.ts');
const CONFIG = { service: 's', level: 'INFO', format: 'json', traceCaller: true } as const;

it('names the file and line that logged when run from the sources', () => {
  const written: string[] = [];
  const log = createLog(CONFIG, (line) => written.push(line));

  log.info('here');
  log.error('there', {}, new Error('x'));

  const [first, second] = written.map((line) => JSON.parse(line).caller);
  expect(first).toMatch(/^test\/adapters\/log\/caller\.test\.ts:\d+$/);
  expect(Number(second.split(':')[1])).toBe(Number(first.split(':')[1]) + 1);
});

it('names nothing unless asked to', () => {
  const written: string[] = [];

  createLog({ ...CONFIG, traceCaller: false }, (line) => written.push(line)).info('here');

  expect(JSON.parse(written[0]!)).not.toHaveProperty('caller');
});

it.each(['esm', 'cjs'] as const)('names file and line of the source when run from a minified %s bundle', (format) => {
  const bundle = buildBundle(format);

  expect(callersOf(bundle)).toEqual(['lib/inner/worker.ts:4', 'lib/inner/worker.ts:5', 'functions/entry.ts:3']);
});

it('names the place in the bundle when its source map is not there', () => {
  const bundle = buildBundle('esm');
  renameSync(`${bundle}.map`, `${bundle}.other`);

  for (const caller of callersOf(bundle)) expect(caller).toMatch(/entry\.mjs:\d+$/);
});

it('names the place in the bundle when its source map cannot be read', () => {
  const bundle = buildBundle('esm');
  writeFileSync(`${bundle}.map`, 'not JSON');

  for (const caller of callersOf(bundle)) expect(caller).toMatch(/entry\.mjs:\d+$/);
});

/** A project of two files that logs three times, built as ours is. */
function buildBundle(format: 'esm' | 'cjs'): string {
  const folder = mkdtempSync(join(tmpdir(), 'caller-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'functions'));
  mkdirSync(join(folder, 'lib/inner'), { recursive: true });
  writeFileSync(
    join(folder, 'functions/entry.ts'),
    [
      `import { createLog } from ${JSON.stringify(CREATE_LOG)};`,
      "import { work } from '../lib/inner/worker.ts';",
      `const act = () => log.info('entry'); const log = createLog(${JSON.stringify(CONFIG)});`,
      'work(log);',
      'act();',
    ].join('\n'),
  );
  writeFileSync(
    join(folder, 'lib/inner/worker.ts'),
    [
      '// A comment',
      'interface Nothing {}',
      'export function work(log) {',
      "  log.info('one');",
      "  log.warning('two');",
      '}',
    ].join('\n'),
  );
  const outfile = join(folder, 'dist/relay', format === 'esm' ? 'entry.mjs' : 'entry.cjs');
  buildSync({
    entryPoints: [join(folder, 'functions/entry.ts')],
    outfile,
    format,
    bundle: true,
    minify: true,
    sourcemap: true,
    platform: 'node',
    target: 'node24',
    logLevel: 'error',
  });
  return outfile;
}

function callersOf(bundle: string): string[] {
  // As the process is started when only a setting changes: nothing that makes Node read source maps itself.
  const output = execFileSync(process.execPath, [bundle], { encoding: 'utf8', env: { PATH: process.env['PATH'] } });
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).caller);
}
