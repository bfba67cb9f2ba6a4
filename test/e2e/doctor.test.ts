import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GOLDEN_DECISIONS } from '../../dev/doctor/golden/golden-decisions.ts';
import type { CheckName } from '../../dev/doctor/options.ts';
import type { CheckReport, Status } from '../../dev/doctor/report.ts';
import { type Stack, startStack } from '../../dev/stack.ts';
import { startServer } from '../support/http-server.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;
let stack: Stack;
let redis: Redis;

beforeAll(async () => {
  stack = await startStack({ instances: 3 });
  redis = new Redis(stack.addresses.redisUrl);
  redis.on('error', () => undefined); // it is killed here and there
  folder = await mkdtemp(join(tmpdir(), 'doctor-'));
  await writeFile(join(folder, 'stack.json'), JSON.stringify({ ...stack.addresses, pid: process.pid }));
});
afterAll(async () => {
  redis?.disconnect();
  await stack?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ['dev/cli/main.ts', 'doctor', ...args], {
    cwd: project,
    env: { PATH: process.env['PATH'], STACK_FILE: join(folder, 'stack.json'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // One that hangs fails its own test, and stays behind after none.
    timeout: 40_000,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => {
    for (const secret of [stack.addresses.assignToken, stack.addresses.upstashToken]) {
      expect(stdout + stderr).not.toContain(secret);
    }
    return { code, stdout, stderr };
  });
  return { child, ended, stderr: () => stderr };
}

/** What it says as JSON. */
async function examine(args: readonly string[], env?: Readonly<Record<string, string>>) {
  const { code, stdout } = await start(['--json', ...args], env).ended;
  const { checks }: { checks: (CheckReport & { status: Status })[] } = JSON.parse(stdout);
  const of = (status: Status) => checks.filter((check) => check.status === status).map(({ name }) => name);
  const advice = checks.flatMap(({ findings }) => findings.flatMap((finding) => finding.advice ?? [])).join('\n');
  return { code, checks, failed: of('failed'), warned: of('warning'), advice };
}

const doctorKeys = () => redis.keys('*doctor*');

it('calls the whole stack well, with versions and times, and leaves nothing in Redis', async () => {
  const { code, stdout, stderr } = await start([]).ended;

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('npm start');
  expect(stdout).toMatch(
    /^consul +ok +\d+\.\d ms +1\.\d+\.\d+ +game-service: 3 eligible, 0 listed, 0 gone, 0 unusable$/m,
  );
  expect(stdout).toMatch(/^prometheus +ok +\d+\.\d ms +2\.\d+\S* +game-service: load of 3 of Consul's 3$/m);
  expect(stdout).toMatch(/^redis +ok +\d+\.\d ms +7\.\d+\.\d+ +the script runs$/m);
  expect(stdout).toMatch(/ eviction is off$/m);
  expect(stdout).toContain(`${GOLDEN_DECISIONS.length} golden decisions, all as they should be`);
  expect(stdout).toMatch(/^nats +ok +\d+\.\d ms +2\.\d+\.\d+ /m);
  expect(stdout).toMatch(/ 1 relay, \d+\.\d+\.\d+, queue group game-allocator$/m);
  expect(stdout).toMatch(/ a look up is let in and answered$/m);
  expect(stdout).toMatch(/^relay +ok +\d+\.\d ms +\d+\.\d+\.\d+ +ready$/m);
  expect(stdout).toMatch(/All is well\.\n$/);
  expect(stdout).not.toContain('\u001b');
  expect(await doctorKeys()).toEqual([]);
});

/** Who suffers when one of them is gone: the function and the relay live on what is behind them. */
const DEPENDENCIES = [
  { server: 'consul', failed: ['consul'], hint: /CONSUL_URL/ },
  { server: 'prometheus', failed: ['prometheus'], hint: /PROMETHEUS_URL/ },
  { server: 'redis', failed: ['function', 'redis'], hint: /UPSTASH_REDIS_REST_URL/ },
  { server: 'upstash', failed: ['function', 'redis'], hint: /UPSTASH_REDIS_REST_URL/ },
  { server: 'nats', failed: ['nats', 'relay'], hint: /NATS_URL/ },
  { server: 'functions', failed: ['function'], hint: /ALLOCATOR_URL/ },
  { server: 'relay', failed: ['nats', 'relay'], hint: /--relay/ },
] as const satisfies readonly { server: keyof Stack; failed: readonly CheckName[]; hint: RegExp }[];

describe.each(DEPENDENCIES)('without $server', ({ server, failed, hint }) => {
  it('killed, it says so, says what to do, and has asked all others', async () => {
    stack[server].signal('SIGKILL');
    const report = await examine(['--timeout', '4000']).finally(() => stack[server].restart());

    expect(report.code).toBe(1);
    expect(report.failed.filter((name) => !failed.some((known) => known === name))).toEqual([]);
    expect(report.failed).toContain(failed.find((name) => name === server) ?? failed.at(-1));
    expect(report.advice).toMatch(hint);
    await untilWell();
  });

  it('stopped, it waits as long as it was told to, and no other waits with it', async () => {
    stack[server].signal('SIGSTOP');
    const report = await examine(['--timeout', '1500']).finally(() => stack[server].signal('SIGCONT'));

    expect(report.code).toBe(1);
    expect(report.failed.filter((name) => !failed.some((known) => known === name))).toEqual([]);
    expect(report.failed).toContain(failed.find((name) => name === server) ?? failed.at(-1));
    // Whoever answers has not taken the other's time.
    for (const { ms } of report.checks) expect(ms ?? 0).toBeLessThan(1500);
    await untilWell();
  });
});

it('finds the relay of another queue group, and says what that does', async () => {
  const other = await stack.addRelay({ QUEUE_GROUP: 'another' });
  const report = await examine(['--skip', 'placement']).finally(() => other.stop());

  expect(report).toMatchObject({ code: 1, failed: ['nats'] });
  expect(report.advice).toMatch(/2 queue groups \(another, game-allocator\) each answer every request/);
});

it('takes the environment where that has anything of ours', async () => {
  const { natsUrl, consulUrl, redisUrl } = stack.addresses;
  const env = {
    NATS_URL: natsUrl,
    CONSUL_URL: consulUrl,
    PROMETHEUS_URL: 'off',
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: new URL(redisUrl).port,
    API_TOKENS: 'canary',
  };
  const report = await examine(['--relay', stack.addresses.relayUrl], env);

  expect(report).toMatchObject({ code: 0, failed: [], warned: [] });
  const skipped = report.checks.filter(({ status }) => status === 'skipped').map(({ name }) => name);
  expect(skipped).toEqual(['ssm', 'prometheus', 'function']);
});

it('removes what it wrote when it is interrupted', async () => {
  const { upstashUrl, upstashToken } = stack.addresses;
  // A slower way to the same Redis, so that there is a half way.
  let scripts = 0;
  async function forward(body: string, authorization: string, response: ServerResponse): Promise<void> {
    if (/^\["evalsha"/i.test(body)) scripts += 1;
    if (scripts === 100) doctor.child.kill('SIGINT');
    await sleep(5);
    const answer = await fetch(upstashUrl, { method: 'POST', body, headers: { authorization } });
    response.writeHead(answer.status).end(await answer.text());
  }
  const slow = await startServer((request, response, body) => {
    void forward(body, String(request.headers.authorization), response);
  });
  const doctor = start([], { UPSTASH_REDIS_REST_URL: slow.url.href, UPSTASH_REDIS_REST_TOKEN: upstashToken });
  const { code, stderr } = await doctor.ended;

  expect({ code, stderr }).toEqual({ code: 130, stderr: expect.stringContaining('removing what was written') });
  expect(scripts).toBeGreaterThanOrEqual(100);
  expect(await doctorKeys()).toEqual([]);
});

it.each([
  { args: ['--help'], code: 0 },
  { args: ['--nonsense'], code: 2 },
  { args: ['--timeout', 'soon'], code: 2 },
  { args: ['--skip', 'nobody'], code: 2 },
  { args: ['--relay', 'nowhere'], code: 2 },
])('exits $code for $args', async ({ args, code }) => {
  const result = await start(args).ended;

  expect(result.code).toBe(code);
  expect(result.stdout + result.stderr).toContain('Usage: game-allocator doctor');
});

/** What comes back needs a moment until everybody has noticed. */
async function untilWell(): Promise<void> {
  await expect
    .poll(() => examine(['--skip', 'placement']).then(({ failed }) => failed), { timeout: 60_000, interval: 200 })
    .toEqual([]);
}
