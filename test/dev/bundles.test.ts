import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { startLambdaHost } from '../../dev/lambda-host/start-lambda-host.ts';
import { build } from '../../esbuild.config.mjs';
import { packageService } from '../support/package-service.ts';
import { unzip } from './unzip.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
const fixture = fileURLToPath(new URL('./fixtures/build', import.meta.url));
const temporary: string[] = [];

afterAll(async () => {
  await Promise.all(temporary.map((folder) => rm(folder, { recursive: true, force: true })));
});

it('turns every kind of import of a builtin into getBuiltinModule, which loads no undici', async () => {
  const out = await temporaryFolder();
  await build({ root: fixture, out, relay: false });

  const result = await runBundle(join(out, 'functions/builtins/index.mjs'));

  expect(result).toEqual({
    named: 'Not Found',
    default: 'Not Found',
    namespace: 'b',
    dynamic: '\n',
    dynamicHttp: 'function',
    commonjs: 'a/b',
    inherits: 0,
    script: 'return 1',
    undici: false,
    lazyBefore: false,
    lazy: 'this text stays out of the main file',
  });
});

it('keeps what is imported lazily in a chunk, maps beside the files, and the size of each in meta.json', async () => {
  const out = await temporaryFolder();
  await build({ root: fixture, out, relay: false });

  const folder = join(out, 'functions/builtins');
  const files = (await readdir(folder, { recursive: true })).sort();
  const main = await readFile(join(folder, 'index.mjs'), 'utf8');

  expect(files).toEqual(expect.arrayContaining(['index.mjs', 'index.mjs.map', 'script.lua']));
  expect(files.filter((file) => /^chunks\/lazy-\w+\.mjs$/.test(file))).toHaveLength(1);
  expect(main).not.toContain('stays out');
  expect(main).not.toContain('sourceMappingURL');
  const meta = JSON.parse(await readFile(join(out, 'meta.json'), 'utf8'));
  expect(Object.values(meta.builtins.outputs)).toContainEqual(expect.objectContaining({ bytes: main.length }));
});

it('builds the same bytes twice, removes what an earlier build left, and does not touch what stays', async () => {
  const out = await temporaryFolder();
  await build({ root: project, out });
  const first = await checksums(out);
  const writtenAt = (await stat(join(out, 'relay/relay.mjs'))).mtimeMs;
  await writeFile(join(out, 'functions/batch/left-over.mjs'), '');

  await build({ root: project, out });

  expect(await checksums(out)).toEqual(first);
  expect((await stat(join(out, 'relay/relay.mjs'))).mtimeMs).toBe(writtenAt);
});

it('packages offline and without credentials, and each zip answers an invocation in an empty folder', async () => {
  await build();
  const folder = await temporaryFolder();
  await packageService(folder, 'prod');

  const requests = {
    batch: ['POST', '/batch', 401],
    assign: ['POST', '/assign', 401],
    games: ['DELETE', '/games/a', 401],
    services: ['GET', '/services/ai-service/instances', 401],
    fleet: ['GET', '/fleet', 401],
    console: ['GET', '/', 200],
    health: ['GET', '/health', 200],
  } as const;
  for (const [name, [method, path, status]] of Object.entries(requests)) {
    const root = await temporaryFolder();
    const files = await unzip(join(folder, `${name}.zip`), root);
    expect(files.filter((file) => !file.startsWith(`dist/functions/${name}/`) || file.endsWith('.map'))).toEqual([]);

    // Read by the host alone; a function has nothing but its zip.
    await copyFile(join(project, 'serverless.yml'), join(root, 'serverless.yml'));
    const host = await startLambdaHost({ root, env: FUNCTION_ENV, logFile: '/dev/null' });
    try {
      const response = await fetch(host.url + path, { method });
      expect([name, response.status]).toEqual([name, status]);
    } finally {
      await host.stop();
    }
  }
});

const FUNCTION_ENV = {
  CONSUL_URL: 'http://127.0.0.1:9',
  PROMETHEUS_URL: 'off',
  UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9',
  UPSTASH_REDIS_REST_TOKEN: 'x',
  API_TOKENS: 'a-token-of-some-length-for-tests',
};

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bundles-'));
  temporary.push(folder);
  return folder;
}

/** A process of its own: the modules that this one has loaded would hide what a bundle loads. */
async function runBundle(file: string): Promise<unknown> {
  const code = `const { handler } = await import(${JSON.stringify(file)}); console.log(JSON.stringify(await handler()));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    cwd: tmpdir(),
  });
  return JSON.parse(stdout);
}

async function checksums(folder: string): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    sums[path] = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  }
  return sums;
}
