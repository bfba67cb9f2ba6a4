import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { freePorts } from '../../dev/servers/free-port.ts';
import type { StackAddresses } from '../../dev/stack.ts';
import { build } from '../../esbuild.config.mjs';

// One stack for the whole file, in the order of a developer's day: start, use, stop.

const project = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;
let stackFile: string;
let start: ChildProcess;
let output = '';
let addresses: StackAddresses;

beforeAll(async () => {
  await build();
  folder = await mkdtemp(join(tmpdir(), 'stack-'));
  stackFile = join(folder, 'stack.json');
  start = spawn(process.execPath, ['dev/start.ts', '--instances', '3', '--mixed'], {
    cwd: project,
    env: { ...process.env, STACK_FILE: stackFile },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  start.stdout?.on('data', (text) => {
    output += text;
  });
  await vi.waitFor(() => access(stackFile), { timeout: 110_000, interval: 50 });
  addresses = JSON.parse(await readFile(stackFile, 'utf8'));
});

afterAll(async () => {
  start.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

it('writes every address for its owner alone, and prints them with a next command', async () => {
  await expect.poll(() => output).toContain('Ctrl-C stops everything');

  expect(Object.keys(addresses).sort()).toEqual([
    ...['apiUrl', 'assignToken', 'assignUrl', 'consoleToken', 'consulUrl', 'natsUrl', 'pid', 'prometheusUrl'],
    ...['redisUrl', 'relayUrl', 'upstashToken', 'upstashUrl'],
  ]);
  expect((await stat(stackFile)).mode & 0o777).toBe(0o600);
  for (const address of Object.values(addresses)) expect(output).toContain(String(address));
  expect(output).toContain('npm run assign -- my-game');
});

it('is ready: every instance passes in Consul at an address of its own, and the relay serves', async () => {
  const answer = await fetch(`${addresses.consulUrl}/v1/health/service/game-service?passing`);
  const entries = (await answer.json()) as { Service: { Address: string; Meta: Record<string, string> } }[];

  expect(new Set(entries.map(({ Service }) => Service.Address)).size).toBe(3);
  expect(new Set(entries.map(({ Service }) => Service.Meta['cpu_cores'])).size).toBe(3);
  expect((await fetch(`${addresses.relayUrl}/readyz`)).status).toBe(200);
});

it('assigns a game over NATS by the command and over HTTPS to the same instance', async () => {
  const { stdout } = await assign('a/"game"', '--level', 'high', '--json');
  const first = JSON.parse(stdout);

  const again = await postAssign(addresses.assignUrl, { game_id: 'a/"game"' });

  expect(first).toMatchObject({ success: true, instance_id: expect.stringMatching(/^127\./) });
  expect(again).toMatchObject({ status: 200, body: { instance_id: first.instance_id, replayed: true } });
});

it.each([
  { args: ['two words', '--json'], code: 1, stdout: /"code":"invalid_request"/, stderr: /^$/ },
  { args: ['two words'], code: 1, stdout: /^$/, stderr: /^invalid_request: / },
  { args: [], code: 2, stdout: /^$/, stderr: /Exactly one GAME_ID/ },
  {
    args: ['a', '--nonsense'],
    code: 2,
    stdout: /^$/,
    stderr: /Unknown option '--nonsense'[\s\S]*Usage: game-allocator assign/,
  },
])('exits $code for assign $args', async ({ args, code, stdout, stderr }) => {
  const failure = await assign(...args).catch((error) => error);

  expect(failure.code).toBe(code);
  expect(failure.stdout).toMatch(stdout);
  expect(failure.stderr).toMatch(stderr);
});

it('works under serverless offline, with the real serverless.yml', async () => {
  const [httpPort, lambdaPort] = await freePorts(2);
  const url = `http://127.0.0.1:${httpPort}`;
  const args = [
    'offline',
    'start',
    '--stage',
    'local',
    '--noPrependStageInUrl',
    '--useInProcess',
    '--localEnvironment',
  ];
  const ports = ['--host', '127.0.0.1', '--httpPort', `${httpPort}`, '--lambdaPort', `${lambdaPort}`];
  const offline = spawn(process.execPath, ['node_modules/serverless/bin/serverless.js', ...args, ...ports], {
    cwd: project,
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      SLS_TELEMETRY_DISABLED: '1',
      CONSUL_URL: addresses.consulUrl,
      PROMETHEUS_URL: addresses.prometheusUrl,
      UPSTASH_REDIS_REST_URL: addresses.upstashUrl,
      UPSTASH_REDIS_REST_TOKEN: addresses.upstashToken,
      API_TOKENS: addresses.assignToken,
    },
  });
  try {
    await expect.poll(() => statusOf(`${url}/health`), { timeout: 60_000, interval: 200 }).toBe(200);
    const first = await postAssign(`${url}/assign`, { game_id: 'offline' });
    const again = await postAssign(addresses.assignUrl, { game_id: 'offline' });

    expect(first).toMatchObject({ status: 200, body: { success: true } });
    expect(again.body).toMatchObject({ instance_id: first.body['instance_id'], replayed: true });
  } finally {
    offline.kill('SIGKILL');
  }
});

it('leaves no process, no file and no data 5 s after SIGTERM', async () => {
  const servers = await descendants(start.pid ?? 0);
  const stopped = once(start, 'exit');
  start.kill('SIGTERM');
  const sentAt = performance.now();
  await stopped;

  expect(start.exitCode).toBe(0);
  await expect.poll(async () => (await alive(servers)).length, { timeout: 5000 }).toBe(0);
  expect(performance.now() - sentAt).toBeLessThan(5000);
  expect(servers.length).toBeGreaterThanOrEqual(8);
  expect(await exists(stackFile)).toBe(false);
  const runs = await readdir(join(project, '.local/run'));
  expect(runs.filter((name) => name.startsWith(`${start.pid}-`))).toEqual([]);
});

it('says that no stack runs once it is stopped, and refuses flags that it does not know', async () => {
  const noStack = await assign('game').catch((error) => error);
  const unknown = await run('dev/start.ts', '--nonsense').catch((error) => error);

  expect(noStack).toMatchObject({ code: 1, stderr: expect.stringContaining('npm start') });
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage: npm start') });
  expect((await run('dev/demo.ts', '--help')).stdout).toContain('Usage: npm run demo');
});

function assign(...args: readonly string[]) {
  return run('dev/cli/main.ts', 'assign', ...args);
}

function run(script: string, ...args: readonly string[]) {
  const env = { ...process.env, STACK_FILE: stackFile };
  return promisify(execFile)(process.execPath, [script, ...args], { cwd: project, env });
}

async function postAssign(url: string, request: unknown) {
  const authorization = `Bearer ${addresses.assignToken}`;
  // The first is cold, on a machine that may be busy; what time it takes is not what is looked at here.
  const headers = { authorization, 'content-type': 'application/json', 'timeout-ms': '5000' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(request) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function statusOf(url: string): Promise<number> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    ({ status }) => status,
    () => 0,
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Every process below `pid`, with its start time, as a number alone may be given to somebody else later. */
async function descendants(pid: number): Promise<string[]> {
  const parents = new Map<string, string[]>();
  const startedAt = new Map<string, string>();
  for (const entry of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const fields = await processFields(entry);
    if (fields === undefined) continue;
    startedAt.set(entry, fields.startedAt);
    parents.set(fields.parent, [...(parents.get(fields.parent) ?? []), entry]);
  }
  const below = (id: string): string[] => (parents.get(id) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(String(pid)).map((id) => `${id} ${startedAt.get(id)}`);
}

async function alive(processes: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const process of processes) {
    const [pid = '', startedAt] = process.split(' ');
    const fields = await processFields(pid);
    if (fields?.startedAt === startedAt && fields?.state !== 'Z') found.push(process);
  }
  return found;
}

async function processFields(pid: string) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields === undefined) return undefined;
  const [state, parent = ''] = fields;
  return { state, parent, startedAt: fields[19] ?? '' };
}
