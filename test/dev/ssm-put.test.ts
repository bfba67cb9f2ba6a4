import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { createSsmSecrets } from '../../lib/adapters/ssm/ssm-secrets.ts';
import { type FakeSsm, startFakeSsm } from '../support/fake-ssm.ts';
import { freePort, noLimit } from '../support/http-server.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
const UPSTASH = '/game-allocator/dev/upstash-redis-rest-token';
const TOKENS = '/game-allocator/dev/api-tokens';
/** May be in SSM and nowhere else. */
const CANARY = 'canary-7f3a9c';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssm-put-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

/** Runs the command with `typed` as its input. */
async function put(env: FakeSsm['env'], args: readonly string[], typed = '') {
  const child = spawn(process.execPath, ['dev/ssm-put.ts', ...args], {
    cwd: project,
    env: { PATH: process.env['PATH'], HOME: folder, ...env },
  });
  let output = '';
  let stdout = '';
  child.stdout.on('data', (text) => {
    output += text;
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    output += text;
  });
  child.stdin.on('error', () => undefined); // it may end before it has read everything
  child.stdin.end(typed);
  const [code] = await once(child, 'close');
  expect(output).not.toContain(CANARY);
  return { code, output, stdout };
}

function valuesIn({ parameters }: FakeSsm) {
  return Object.fromEntries([...parameters].map(([name, { value }]) => [name, value]));
}

it('asks for what every deployment needs, and writes it encrypted, where the functions read it', async () => {
  const ssm = await startFakeSsm();

  const { code, stdout } = await put(ssm.env, ['--stage', 'dev'], `  ${CANARY}-a \n${CANARY}-b,${CANARY}-c\n`);

  expect(code).toBe(0);
  expect(stdout).toBe(`wrote ${UPSTASH}, version 1\nwrote ${TOKENS}, version 1\n`);
  expect([...ssm.parameters]).toEqual([
    [UPSTASH, { type: 'SecureString', value: `${CANARY}-a`, version: 1 }],
    [TOKENS, { type: 'SecureString', value: `${CANARY}-b,${CANARY}-c`, version: 1 }],
  ]);
  for (const [name, value] of Object.entries(ssm.env)) vi.stubEnv(name, value);
  const read = await createSsmSecrets({ path: '/game-allocator/dev' }).read(
    ['upstash-redis-rest-token', 'api-tokens'],
    noLimit(),
  );
  expect([...read.values()]).toEqual([`${CANARY}-a`, `${CANARY}-b,${CANARY}-c`]);
});

it('asks for others by name, and leaves what is left empty', async () => {
  const ssm = await startFakeSsm();

  const { code } = await put(ssm.env, ['--stage', 'dev', 'consul-token', 'prometheus-token'], `\r\n${CANARY}\r\n`);

  expect(code).toBe(0);
  expect(valuesIn(ssm)).toEqual({ '/game-allocator/dev/prometheus-token': CANARY });
});

it.each([
  { answer: 'n', code: 1, value: `${CANARY}-old` },
  { answer: '', code: 1, value: `${CANARY}-old` },
  { answer: 'y', code: 0, value: `${CANARY}-new` },
])('asks before it overwrites, and takes "$answer" for what it is', async ({ answer, code, value }) => {
  const ssm = await startFakeSsm({ [UPSTASH]: `${CANARY}-old` });

  const result = await put(ssm.env, ['--stage', 'dev', 'upstash-redis-rest-token'], `${CANARY}-new\n${answer}\n`);

  expect(result.code).toBe(code);
  expect(result.output).toContain(`Overwrite ${UPSTASH}? [y/N]`);
  expect(valuesIn(ssm)).toEqual({ [UPSTASH]: value });
});

it('takes a file, names what in it is no secret of ours, and overwrites without asking when told so', async () => {
  const ssm = await startFakeSsm({ [TOKENS]: `${CANARY}-old` });
  const file = join(folder, 'secrets.env');
  await writeFile(
    file,
    `# of dev\nAPI_TOKENS="${CANARY}-1"\nexport CONSUL_TOKEN=${CANARY}-2\nREDIS_PASSWORD=\nOTHER=${CANARY}-3\n`,
  );

  const { code, output } = await put(ssm.env, ['--stage', 'dev', '--from', file, '--yes']);

  expect(code).toBe(0);
  expect(output).toContain('none of our secrets: OTHER');
  expect(valuesIn(ssm)).toEqual({ [TOKENS]: `${CANARY}-1`, '/game-allocator/dev/consul-token': `${CANARY}-2` });
});

it('says what it would do, and does nothing', async () => {
  const ssm = await startFakeSsm({ [TOKENS]: `${CANARY}-old` });

  const { code, stdout } = await put(ssm.env, ['--stage', 'dev', '--dry-run'], `${CANARY}-a\n${CANARY}-b\n`);

  expect(code).toBe(0);
  expect(stdout).toBe(`would write ${UPSTASH}\nwould overwrite ${TOKENS}\n`);
  expect(ssm.operations()).toEqual(['GetParameters']);
});

it('makes a token without showing it, says how to read it back, and keeps the newest one of before', async () => {
  const ssm = await startFakeSsm();
  const generate = () => put(ssm.env, ['--stage', 'dev', '--generate', 'api-tokens', '--yes']);

  const first = await generate();
  const [one = ''] = Object.values(valuesIn(ssm));
  await generate();
  const [two = ''] = Object.values(valuesIn(ssm));
  const third = await generate();
  const [three = ''] = Object.values(valuesIn(ssm));

  expect(one).toMatch(/^[\w-]{43}$/);
  expect(two).toMatch(/^[\w-]{43},[\w-]{43}$/);
  expect(two.split(',')[1]).toBe(one);
  expect(three.split(',')).toEqual([expect.any(String), two.split(',')[0]]);
  expect(first.output).toContain(`aws ssm get-parameter --with-decryption --name ${TOKENS}`);
  for (const token of three.split(',')) expect(first.output + third.output).not.toContain(token);
});

it.each([
  { operation: 'GetParameters', type: 'AccessDeniedException', output: /AccessDeniedException.*ssm:GetParameters/ },
  { operation: 'GetParameters', type: 'UnrecognizedClientException', output: /of this region and account/ },
  { operation: 'PutParameter', type: 'AccessDeniedException', output: /did not take .*upstash-redis-rest-token/ },
  { operation: 'PutParameter', type: 'ParameterAlreadyExists', output: /run this again/ },
  { operation: 'PutParameter', type: 'ValidationException', output: /at most 4,096 bytes/ },
  { operation: 'PutParameter', type: 'SomethingNew', output: /SomethingNew/ },
])('explains $type of $operation without what AWS says of the value', async ({ operation, type, output }) => {
  const ssm = await startFakeSsm();
  ssm.refusals[operation] = { type, message: `Value '${CANARY}' failed to satisfy constraint` };

  const result = await put(ssm.env, ['--stage', 'dev'], `${CANARY}\n${CANARY}\n`);

  expect(result.code).toBe(1);
  expect(result.output).toMatch(output);
  expect(ssm.parameters.size).toBe(0);
});

it('explains that nobody answers', async () => {
  const ssm = await startFakeSsm();
  const nobody = `http://127.0.0.1:${await freePort()}`;

  const { code, output } = await put({ ...ssm.env, AWS_ENDPOINT_URL_SSM: nobody }, ['--stage', 'dev']);

  expect({ code, output }).toEqual({
    code: 1,
    output: expect.stringContaining('SSM could not be asked (ECONNREFUSED)'),
  });
});

it.each([
  { problem: 'control characters', args: ['upstash-redis-rest-token'], typed: `${CANARY}\u001b[A\n` },
  { problem: 'more than 4096 bytes', args: ['upstash-redis-rest-token'], typed: `${CANARY.repeat(400)}\n` },
  { problem: 'more than two tokens', args: ['api-tokens'], typed: `${CANARY},b,c\n` },
  { problem: 'characters that no header takes', args: ['api-tokens'], typed: `${CANARY}ä\n` },
  { problem: 'No value was given', args: ['api-tokens'], typed: '' },
])('writes nothing that has $problem', async ({ problem, args, typed }) => {
  const ssm = await startFakeSsm();

  const { code, output } = await put(ssm.env, ['--stage', 'dev', ...args], typed);

  expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining(problem) });
  expect(ssm.parameters.size).toBe(0);
});

it.each([
  { args: [] },
  { args: ['--stage', 'a/b'] },
  { args: ['--stage', 'dev', CANARY] },
  { args: ['--stage', 'dev', `--${CANARY}`] },
  { args: ['--stage', 'dev', '--generate', CANARY] },
  { args: ['--stage', 'dev', '--from', 'file', 'api-tokens'] },
])('exits 2 with its usage for $args, and repeats nothing of it', async ({ args }) => {
  const { code, output } = await put({}, args);

  expect({ code, output }).toEqual({ code: 2, output: expect.stringContaining('Usage: npm run ssm:put') });
});
