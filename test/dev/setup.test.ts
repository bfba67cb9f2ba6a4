import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { debianMirror } from '../../dev/debian-mirror.mjs';
import { downloadedListFile, findServer, PROJECT_ROOT } from '../../dev/find-server.mjs';
import { setUp } from '../../dev/setup.mjs';

const PATIENCE = { timeout: 30_000, interval: 50 };
const children: ChildProcess[] = [];
let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'set-up-'));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

it('installs the npm packages once, and again after package-lock.json changed', async () => {
  const sentinel = join(root, 'node_modules', 'sentinel');
  writeProject('1.0.0');

  await setUp({ servers: false, root });
  expect(existsSync(join(root, 'node_modules', 'dependency'))).toBe(true);

  writeFileSync(sentinel, '');
  await setUp({ servers: false, root });
  expect(existsSync(sentinel)).toBe(true);

  writeProject('1.0.1');
  await setUp({ servers: false, root });
  expect(existsSync(sentinel)).toBe(false);
});

it('keeps the packages that a developer installed by hand', async () => {
  writeProject('1.0.0');
  spawnSync('npm', ['ci'], { cwd: root });
  const sentinel = join(root, 'node_modules', 'sentinel');
  writeFileSync(sentinel, '');

  await setUp({ servers: false, root });

  expect(existsSync(sentinel)).toBe(true);
});

it('says in one sentence what to do when npm fails', async () => {
  writeProject('1.0.0');
  writeFileSync(join(root, 'package-lock.json'), '{');

  await expect(setUp({ servers: false, root })).rejects.toThrow(/^npm ci failed .* run the same command again\.$/);
});

it('lets only one set-up work at a time', async () => {
  const first = startHolder('first');
  await waitForFile('first');
  const second = startHolder('second');

  await vi.waitFor(() => expect(existsSync(join(root, '.local', 'second-waits'))).toBe(true), PATIENCE);
  expect(existsSync(join(root, 'second'))).toBe(false);
  writeFileSync(join(root, 'go'), '');
  await Promise.all([once(first, 'exit'), once(second, 'exit')]);

  expect(existsSync(join(root, 'second'))).toBe(true);
  expect(existsSync(join(root, '.local', 'set-up-lock'))).toBe(false);
});

it('takes over the lock of a set-up that was killed', async () => {
  const killed = startHolder('killed');
  await waitForFile('killed');
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  expect(existsSync(join(root, '.local', 'set-up-lock'))).toBe(true);
  writeFileSync(join(root, 'go'), '');

  const heirs = ['a', 'b', 'c'].map(startHolder);
  await Promise.all(heirs.map((heir) => once(heir, 'exit')));

  expect(heirs.map((heir) => heir.exitCode)).toEqual([0, 0, 0]);
  expect(readFileSync(join(root, 'order'), 'utf8')).toMatch(/^\+killed(\+([abc])-\2){3}$/);
});

it('prefers a server on PATH to a downloaded one', () => {
  const onPath = writeProgram('bin', 'redis-server');
  const downloaded = writeProgram('.local/servers/root', 'redis-server');
  const entry = { command: 'root/redis-server', libraries: ['root/lib', 'root/usr/lib'] };
  writeFileSync(downloadedListFile(root), JSON.stringify({ 'redis-server': entry }));

  vi.stubEnv('PATH', join(root, 'bin'));
  expect(findServer('redis-server', root)).toEqual({ command: onPath, env: {} });

  vi.stubEnv('PATH', '/nowhere');
  const folder = join(root, '.local', 'servers', 'root');
  const env = { LD_LIBRARY_PATH: `${join(folder, 'lib')}:${join(folder, 'usr/lib')}` };
  expect(findServer('redis-server', root)).toEqual({ command: downloaded, env });
  expect(() => findServer('consul', root)).toThrow('consul is not set up');
});

it.each([
  {
    format: 'deb822',
    file: 'debian.sources',
    text: `Types: deb deb-src
# http://snapshot.example/
URIs: http://off.example/debian
Suites: bookworm
Enabled: no

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security

Types: deb
URIs: http://near.example/debian/ http://far.example/debian
Suites: bookworm-updates
 bookworm
Components: main
`,
  },
  {
    format: 'one line',
    file: 'debian.list',
    text: `# deb http://off.example/debian bookworm main
deb-src http://src.example/debian bookworm main
deb cdrom:[Debian]/ bookworm main
deb http://security.example/debian-security bookworm-security main
deb [arch=amd64 signed-by=/k.gpg] http://near.example/debian bookworm main contrib
`,
  },
])("reads the machine's own mirror in the $format format", ({ file, text }) => {
  mkdirSync(join(root, 'sources.list.d'));
  writeFileSync(join(root, 'sources.list.d', file), text);
  writeFileSync(join(root, 'sources.list.d', `${file}.disabled`), 'deb http://disabled.example/debian bookworm main');

  expect(debianMirror(root, 'bookworm')).toBe('http://near.example/debian');
  expect(debianMirror(root, 'trixie')).toBe('http://deb.debian.org/debian');
});

it("runs a program with its arguments under the project's Node, and exits as it does", () => {
  const script = writeScript('console.log(process.version, process.argv.slice(2).join()); process.exit(7)');

  const run = runMjs(script, '--servers', '--', '--level', 'high');

  expect(run.stdout).toMatch(/^v24\.\S+ --servers,--,--level,high\n$/);
  expect(run.status).toBe(7);
  expect(runMjs('biome', '--version').stdout).toContain('Version');
});

it('exits with 128 + n when a signal ended the program, and with 2 on an option it does not know', () => {
  expect(runMjs(writeScript('process.kill(process.pid, "SIGKILL")')).status).toBe(137);
  expect(runMjs('--nonsense').status).toBe(2);
  expect(runMjs().status).toBe(2);
  expect(runMjs('--help').stdout).toContain('Usage: node dev/run.mjs');
});

it.each(['SIGTERM', 'SIGINT'] as const)('passes %s on and waits for the program to end in order', async (signal) => {
  const script = writeScript(`
    process.on('${signal}', () => setTimeout(() => { console.log('in order'); process.exit(3); }, 200));
    console.log('up');
    setInterval(() => undefined, 1000);`);
  const child = spawn('node', [join(PROJECT_ROOT, 'dev', 'run.mjs'), script], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  await vi.waitFor(() => expect(output).toBe('up\n'), PATIENCE);

  child.kill(signal);
  const [code] = await once(child, 'exit');

  expect(code).toBe(3);
  expect(output).toBe('up\nin order\n');
});

/** A project with one dependency, of that version, that needs no registry. */
function writeProject(version: string): void {
  mkdirSync(join(root, 'a'), { recursive: true });
  writeFileSync(join(root, 'a', 'package.json'), JSON.stringify({ name: 'dependency', version }));
  const dependencies = { dependency: 'file:./a' };
  const manifest = { name: 'project', version: '1.0.0', dependencies };
  writeFileSync(join(root, 'package.json'), JSON.stringify(manifest));
  const packages = {
    '': manifest,
    a: { name: 'dependency', version },
    'node_modules/dependency': { resolved: 'a', link: true },
  };
  const lock = { name: 'project', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
}

/** A process that holds the set-up lock until the file `go` is there, and notes when it came and went. */
function startHolder(name: string): ChildProcess {
  const lock = JSON.stringify(join(PROJECT_ROOT, 'dev', 'setup-lock.mjs'));
  const script = `
    import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
    import { withSetupLock } from ${lock};
    console.error = () => writeFileSync('.local/${name}-waits', '');
    await withSetupLock(process.cwd(), async () => {
      appendFileSync('order', '+${name}');
      writeFileSync('${name}', '');
      while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 20));
      appendFileSync('order', '-${name}');
    });`;
  const child = spawn('node', ['--input-type=module', '-e', script], { cwd: root, stdio: 'inherit' });
  children.push(child);
  return child;
}

async function waitForFile(name: string): Promise<void> {
  await vi.waitFor(() => expect(existsSync(join(root, name))).toBe(true), PATIENCE);
}

function writeProgram(folder: string, name: string): string {
  const path = join(root, folder, name);
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, 0o755);
  return path;
}

function writeScript(text: string): string {
  const path = join(root, 'script.mjs');
  writeFileSync(path, text);
  return path;
}

function runMjs(...args: readonly string[]) {
  return spawnSync('node', [join(PROJECT_ROOT, 'dev', 'run.mjs'), ...args], { encoding: 'utf8' });
}
