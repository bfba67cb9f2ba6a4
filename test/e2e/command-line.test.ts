import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as commands from '../../dev/cli/commands.ts';
import { type Stack, startStack } from '../../dev/stack.ts';
import { buildTools } from '../../esbuild.config.mjs';
import { until } from '../faults/until.ts';
import { type Answer, assignOverNats, PATIENT_TIMEOUT_MS } from './load.ts';

// The built program, as somebody types it, on a whole stack.

let folder: string;
let program: string;
let stack: Stack;
let nats: NatsConnection;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'command-line-'));
  program = join(folder, 'dist/cli/game-allocator.mjs');
  await buildTools({ out: join(folder, 'dist') });
  stack = await startStack({ instances: 3, functionEnv: { DECISION_LOG: 'all' } });
  await writeFile(join(folder, 'stack.json'), JSON.stringify({ ...stack.addresses, pid: process.pid }));
  nats = await connect({ servers: stack.addresses.natsUrl });
});
afterAll(async () => {
  await nats?.close();
  await stack?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

type Env = Readonly<Record<string, string>>;

function start(args: readonly string[], env: Env = {}) {
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], STACK_FILE: join(folder, 'stack.json'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // One that hangs fails its own test, and stays behind after none.
    timeout: 50_000,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: collect(child.stdout), stderr: collect(child.stderr) };
  const ended = once(child, 'close').then(([code]) => {
    const told = { code: code as number | null, stdout: output.stdout(), stderr: output.stderr() };
    for (const token of [stack.addresses.assignToken, stack.addresses.consoleToken]) {
      expect(told.stdout + told.stderr).not.toContain(token);
    }
    return told;
  });
  return { child, ended, ...output };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const pieces: Buffer[] = [];
  stream.on('data', (piece) => pieces.push(piece));
  return () => Buffer.concat(pieces).toString();
}

async function run(args: readonly string[], env?: Env) {
  return start(args, env).ended;
}

/** The reply that it prints with --json; it must be all that it prints. */
async function ask(args: readonly string[], env?: Env) {
  const { code, stdout, stderr } = await run([...args, '--json', '--timeout', String(PATIENT_TIMEOUT_MS)], env);
  expect(stderr).toBe('');
  return { code, reply: JSON.parse(stdout) };
}

describe.each(Object.values(commands))('$name', ({ name, usage }) => {
  it('--help says how, and needs no stack', async () => {
    expect(await run([name, '--help'], { STACK_FILE: '/nonexistent' })).toEqual({
      code: 0,
      stdout: `${usage}\n`,
      stderr: '',
    });
  });

  it('exits 2 for an option that there is not', async () => {
    expect(await run([name, '--nonsense'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^Unknown option '--nonsense'/),
    });
  });
});

it('exits 1 and says what to do where no stack runs', async () => {
  for (const args of [['assign', 'a'], ['lookup', 'a'], ['explain', 'a'], ['fleet'], ['tail']]) {
    expect(await run(args, { STACK_FILE: '/nonexistent' })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^No stack runs in this folder: start one with `npm start`/),
    });
  }
});

const DOORS = [
  { door: 'NATS', env: (): Env => ({}) },
  {
    door: 'HTTPS',
    env: (): Env => ({
      GAME_ALLOCATOR_URL: stack.addresses.apiUrl,
      GAME_ALLOCATOR_TOKEN: stack.addresses.assignToken,
    }),
  },
  {
    door: "the relay's own port",
    env: (): Env => ({
      GAME_ALLOCATOR_URL: stack.addresses.relayUrl,
      GAME_ALLOCATOR_TOKEN: stack.addresses.consoleToken,
    }),
  },
] as const;

describe.each(DOORS)('over $door', ({ door, env }) => {
  it('a game is explained, assigned, looked up, kept and released', async () => {
    const gameId = `game-${crypto.randomUUID()}`;
    const explained = await ask(['explain', gameId, '--level', 'high'], env());
    const assigned = await ask(['assign', gameId, '--level', 'high'], env());
    const again = await ask(['assign', gameId], env());
    const found = await ask(['lookup', gameId], env());
    const recorded = await ask(['explain', gameId], env());
    const renewed = door === "the relay's own port" ? undefined : await ask(['renew', gameId], env());
    const released = await ask(['release', gameId], env());
    const gone = await ask(['lookup', gameId], env());

    const where = { success: true, instance_id: expect.stringMatching(/^127\./) };
    expect(assigned).toMatchObject({ code: 0, reply: where });
    const { instance_id } = assigned.reply;
    // Not necessarily where it was assigned then: a sample that came in between may tip the scales of an idle fleet.
    expect(explained).toMatchObject({ code: 0, reply: { ...where, decision: 'placed' } });
    expect(explained.reply.candidates).toHaveLength(3);
    expect(explained.reply.candidates[0]).toMatchObject({
      ...{ instance_id: explained.reply.instance_id, reason: 'chosen' },
    });
    expect(again).toMatchObject({ code: 0, reply: { instance_id, replayed: true } });
    expect(found).toMatchObject({ code: 0, reply: { instance_id, expires_in_s: expect.any(Number) } });
    expect(recorded).toMatchObject({ code: 0, reply: { decision: 'recorded', instance_id } });
    if (renewed !== undefined) expect(renewed).toMatchObject({ code: 0, reply: { instance_id } });
    expect(released).toEqual({ code: 0, reply: { success: true } });
    expect(gone).toMatchObject({ code: 1, reply: { success: false, code: 'not_found' } });
  });

  it('the same in words', async () => {
    const gameId = `game-${crypto.randomUUID()}`;
    const explained = await run(['explain', gameId], env());
    const assigned = await run(['assign', gameId], env());
    const found = await run(['lookup', gameId], env());
    const released = await run(['release', gameId], env());
    const gone = await run(['lookup', gameId], env());

    expect(explained).toMatchObject({ code: 0, stderr: '' });
    expect(explained.stdout).toMatch(/^127\.\d+\.\d+\.\d+ +chosen /m);
    expect(explained.stdout.match(/^127\.\S+ {2,}/gm)).toHaveLength(3);
    expect(assigned).toMatchObject({ code: 0, stderr: '' });
    expect(assigned.stdout).toMatch(new RegExp(`^${gameId} runs on 127\\.\\S+:\\d+\\n$`));
    expect(found.stdout).toMatch(new RegExp(`^${gameId} runs on 127\\.\\S+; its record lives \\d+ s\\n$`));
    expect(released).toEqual({ code: 0, stdout: `${gameId} is released\n`, stderr: '' });
    expect(gone).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^not_found: /) });
  });

  it('shows the fleet', async () => {
    const { code, reply } = await ask(['fleet', '--once'], env());
    const text = await run(['fleet'], env());

    expect(code).toBe(0);
    expect(reply).toMatchObject({ success: true, service: 'game-service', sources: { redis: { state: 'ok' } } });
    expect(reply.instances).toHaveLength(3);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toMatch(/^game-service at \d\d:\d\d:\d\d UTC: 3 eligible; \d+ games/);
    expect(text.stdout.match(/^127\.\S+ +yes /gm)).toHaveLength(3);
    expect(text.stdout).not.toContain('\u001b');
  });

  it('is refused what is not allowed, in words and with what to do', async () => {
    expect(await ask(['assign', 'two words'], env())).toMatchObject({ code: 1, reply: { code: 'invalid_request' } });
    if (door === 'NATS') return;
    expect(await run(['fleet', '--token', 'wrong'], env())).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^unauthorised: .*\n.*GAME_ALLOCATOR_TOKEN/),
    });
  });
});

it('prints the fleet each second with --json, until it is told to end', async () => {
  const { child, ended, stdout } = start(['fleet', '--json']);
  await until(() => stdout().split('\n').length > 2);
  child.kill('SIGINT');
  const { code } = await ended;

  expect(code).toBe(0);
  for (const line of stdout().trimEnd().split('\n')) expect(JSON.parse(line)).toMatchObject({ success: true });
});

it('ends when nobody reads it any more', async () => {
  const { child, ended } = start(['fleet', '--json']);
  await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data');
  child.stdout?.destroy();

  expect((await ended).code).toBe(0);
});

it('runs the doctor, golden decisions and all', async () => {
  const { code, stdout } = await run(['doctor', '--json']);
  const { ok, checks } = JSON.parse(stdout);

  expect({ code, ok }).toEqual({ code: 0, ok: true });
  expect(checks).toContainEqual(expect.objectContaining({ name: 'placement', status: 'ok' }));
});

/** What a tail has printed, by game. */
function gamesIn(stdout: string): string[] {
  const lines = stdout.slice(0, stdout.lastIndexOf('\n') + 1).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line).game_id);
}

const RATE_PER_S = 500;
const SECONDS = 5;

it('tail keeps up with 500 assignments a second, and loses none', async () => {
  const { child, ended, stdout } = start(['tail', '--json']);
  await until(async () => {
    await assignOverNats(nats, `first-${crypto.randomUUID()}`, PATIENT_TIMEOUT_MS);
    return stdout() !== '';
  });
  const startedAt = performance.now();
  const answers = await driveAtRate(RATE_PER_S, SECONDS);
  const replied = performance.now();
  const assigned = answers.filter(({ reply }) => reply?.success === true && reply.replayed !== true);
  await until(() => assigned.length <= gamesIn(stdout()).filter((gameId) => gameId.startsWith('driven-')).length);
  const heard = performance.now();
  child.kill('SIGINT');
  const { code, stderr } = await ended;

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const told = gamesIn(stdout()).filter((gameId) => gameId.startsWith('driven-'));
  expect(told.toSorted()).toEqual(assigned.map(({ gameId }) => gameId).toSorted());
  // Most of them must have come to something for this to say anything.
  expect(assigned.length).toBeGreaterThan(RATE_PER_S * SECONDS * 0.9);
  const rate = assigned.length / ((replied - startedAt) / 1000);
  console.log(
    `tail: ${assigned.length} assignments at ${rate.toFixed(0)} a second, the last line ${(heard - replied).toFixed(0)} ms after the last reply`,
  );
});

/** Asks for a game whenever one is due, whether or not those before it are answered. */
async function driveAtRate(perS: number, seconds: number): Promise<Answer[]> {
  const run = crypto.randomUUID();
  const answers: Promise<Answer>[] = [];
  const startedAt = performance.now();
  while (answers.length < perS * seconds) {
    const due = Math.min(perS * seconds, Math.floor(((performance.now() - startedAt) / 1000) * perS));
    while (answers.length < due) {
      answers.push(assignOverNats(nats, `driven-${run}-${answers.length}`, PATIENT_TIMEOUT_MS));
    }
    await sleep(1);
  }
  return Promise.all(answers);
}

it('tail loses none of 20,000 events that come at once', async () => {
  const events = 20_000;
  const { ended, stderr } = start(['tail', '--count', String(events), '--subject', 'test.assigned']);
  await until(() => stderr().includes('listening to test.assigned.>'));
  for (let index = 0; index < events; index += 1) {
    nats.publish('test.assigned.a', JSON.stringify({ game_id: `g${index}`, instance_id: '10.0.0.1', port: 5002 }));
  }
  const { code, stdout } = await ended;

  expect(code).toBe(0);
  const games = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('  ')[1]);
  expect(games).toEqual(Array.from({ length: events }, (_, index) => `g${index}`));
});

it('replay makes every decision that the functions have logged again, and finds no difference', async () => {
  const { reply } = await assignOverNats(nats, `logged-${crypto.randomUUID()}`, PATIENT_TIMEOUT_MS);
  expect(reply).toMatchObject({ success: true });
  const { logFile } = stack.functions;

  const { code, stdout, stderr } = await run(['replay', logFile, '--json']);

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { decisions, differences } = JSON.parse(stdout);
  expect(decisions).toBeGreaterThan(0);
  expect(differences).toEqual([]);
  expect((await run(['replay', logFile])).stdout).toContain(': 0 differences');
});
