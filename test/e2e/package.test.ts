import { execFile } from 'node:child_process';
import { access, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type Stack, startStack } from '../../dev/stack.ts';
import { buildTools } from '../../esbuild.config.mjs';
import { pythonWithNats } from '../support/python-with-nats.ts';
import { PATIENT_TIMEOUT_MS } from './load.ts';

// The package as it would be published, unpacked in another project, and what the README shows of it.

const project = fileURLToPath(new URL('../../', import.meta.url));
const examples = join(project, 'docs/examples');
let folder: string;
let installed: string;
let packed: { readonly files: readonly { readonly path: string }[] };
let stack: Stack;

beforeAll(async () => {
  await buildTools();
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  installed = join(folder, 'node_modules/game-allocator-service');
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder, '--cache', join(folder, 'npm')];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: project });
  const report = JSON.parse(stdout);
  // A list, and since npm 12 an object by the packages' names.
  packed = Array.isArray(report) ? report[0] : Object.values(report)[0];
  await mkdir(installed, { recursive: true });
  const archive = join(folder, 'game-allocator-service-0.1.0.tgz');
  await promisify(execFile)('tar', ['-xzf', archive, '--strip-components', '1', '-C', installed]);
  // What a project has beside it that uses it.
  await mkdir(join(folder, 'node_modules/@types'));
  for (const name of ['nats', '@types/node']) {
    await symlink(join(project, 'node_modules', name), join(folder, 'node_modules', name));
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'assign.ts'), await readFile(join(examples, 'assign.ts')));
  stack = await startStack({ instances: 3 });
});
afterAll(async () => {
  await stack?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** Runs a program where the package is installed, whatever it exits with. */
async function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const options = { cwd: folder, env: { PATH: process.env['PATH'], ...env }, timeout: 50_000 };
  return promisify(execFile)(command, args, options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

const program = () => join(installed, 'dist/cli/game-allocator.mjs');

it('holds the two that it is for, and nothing of the service', () => {
  const paths = packed.files.map(({ path }) => path);

  expect(paths).toEqual(
    expect.arrayContaining([
      ...['package.json', 'README.md', 'LICENSE', 'dist/cli/game-allocator.mjs', 'dist/cli/place.lua'],
      ...['dist/client/index.mjs', 'dist/client/types/client/index.d.ts'],
    ]),
  );
  expect(paths.filter((path) => !/^(dist\/(cli|client)\/|package\.json$|README\.md$|LICENSE$)/.test(path))).toEqual([]);
});

it('runs where it is unpacked, with nothing installed beside it', async () => {
  const bare = await mkdtemp(join(tmpdir(), 'bare-'));
  onTestFinished(() => rm(bare, { recursive: true, force: true }));
  await cp(installed, bare, { recursive: true });
  const alone = join(bare, 'dist/cli/game-allocator.mjs');
  const help = await run(alone, ['--help']);
  const assigned = await run(alone, ['assign', 'packed', '--json', '--nats', stack.addresses.natsUrl]);

  expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^Usage: game-allocator COMMAND/) });
  expect(assigned).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(assigned.stdout)).toMatchObject({ success: true, instance_id: expect.any(String) });
});

it('runs with the oldest Node that it says it runs with', async (context) => {
  const node = await nodeOf(20);
  if (node === undefined) return context.skip('no Node 20 on PATH');
  const help = await run(node, [program(), '--help']);
  const assigned = await run(node, [program(), 'assign', 'old', '--nats', stack.addresses.natsUrl]);
  const { apiUrl, assignToken } = stack.addresses;
  const found = await run(node, [program(), 'lookup', 'old', '--url', apiUrl], { GAME_ALLOCATOR_TOKEN: assignToken });

  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(assigned).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^old runs on 127\./) });
  expect(found).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^old runs on 127\./) });
});

/** The first on PATH of that major version. */
async function nodeOf(major: number): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const node = join(directory, 'node');
    const version = await run(node, ['--version']).catch(() => undefined);
    if (version?.stdout?.startsWith(`v${major}.`)) return node;
  }
  return undefined;
}

it('is what npx runs in the repository, without a network', async () => {
  const env = {
    ...{ PATH: process.env['PATH'], HOME: folder },
    ...{
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_fetch_retries: '0',
      npm_config_cache: join(folder, 'npm'),
    },
  };
  const { stdout } = await promisify(execFile)('npx', ['game-allocator', '--version'], { cwd: project, env });

  expect(stdout).toBe('0.1.0\n');
});

it.each([
  { kind: 'strict, and whole in themselves', options: { skipLibCheck: false } },
  // That package's own types do not stand this one.
  { kind: 'at their strictest', options: { exactOptionalPropertyTypes: true, skipLibCheck: true } },
])('has types that fit the example: $kind', async ({ options }) => {
  const compilerOptions = {
    ...{ target: 'es2022', lib: ['es2022'], module: 'nodenext', types: ['node'], noEmit: true, strict: true },
    ...options,
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['assign.ts'] }));

  expect(await compile()).toEqual({ code: 0, stdout: '', stderr: '' });
});

it('has types that say where a failure was forgotten', async () => {
  const forgetful = `
    import { createHttpClient } from 'game-allocator-service/client';
    console.log((await createHttpClient({ url: 'http://a' }).lookup('a')).instance_id);`;
  await writeFile(join(folder, 'forgetful.ts'), forgetful);
  const compilerOptions = { module: 'nodenext', types: ['node'], noEmit: true, strict: true };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['forgetful.ts'] }));

  expect((await compile()).stdout).toContain("Property 'instance_id' does not exist on type 'Failure'");
});

function compile() {
  return run(process.execPath, [join(project, 'node_modules/typescript/bin/tsc'), '--project', folder]);
}

it('assigns by the example in TypeScript', async () => {
  const env = { NATS_URL: stack.addresses.natsUrl };

  expect(await run(process.execPath, ['assign.ts', 'by-typescript'], env)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^by-typescript runs on 127\.\S+:\d+\n$/),
  });
  expect(await run(process.execPath, ['assign.ts', 'two words'], env)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('invalid_request: game_id must not contain white space'),
  });
});

it('assigns by the example in Python', async (context) => {
  const python = await pythonWithNats();
  if ('missing' in python) return context.skip(python.missing);
  const env = { NATS_URL: stack.addresses.natsUrl };
  const script = join(examples, 'assign.py');

  expect(await run(python.command, [script, 'by-python'], env)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^by-python runs on 127\.\S+:\d+\n$/),
  });
  expect(await run(python.command, [script, 'two words'], env)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('invalid_request: game_id must not contain white space'),
  });
});

it('assigns by the example with curl', async (context) => {
  if (
    !(await access('/usr/bin/curl').then(
      () => true,
      () => false,
    ))
  )
    return context.skip('no curl');
  const env = { ALLOCATOR_URL: stack.addresses.apiUrl, ALLOCATOR_TOKEN: stack.addresses.assignToken };
  const script = join(examples, 'assign.sh');
  const assigned = await run('sh', [script, 'by-curl'], env);
  const refused = await run('sh', [script, 'by-curl'], { ...env, ALLOCATOR_TOKEN: 'wrong' });

  expect(assigned.code).toBe(0);
  expect(JSON.parse(assigned.stdout)).toMatchObject({ success: true, instance_id: expect.any(String) });
  expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining('"code":"unauthorised"') });
});

it('leaves no game of the examples behind', async () => {
  for (const gameId of ['by-typescript', 'by-python', 'by-curl']) {
    const args = [program(), 'lookup', gameId, '--json', '--nats', stack.addresses.natsUrl];
    const { stdout } = await run(process.execPath, [...args, '--timeout', String(PATIENT_TIMEOUT_MS)]);
    expect(JSON.parse(stdout)).toMatchObject({ success: false, code: 'not_found' });
  }
});
