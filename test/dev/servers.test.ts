import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { findServer, PROJECT_ROOT } from '../../dev/find-server.mjs';
import { askTcp } from '../../dev/servers/ask-tcp.ts';
import { startConsul } from '../../dev/servers/consul.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { startPrometheus } from '../../dev/servers/prometheus.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { startServer } from '../../dev/servers/start-server.ts';

const PATIENCE = { timeout: 30_000, interval: 50 };
const started: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

const KINDS = [
  { kind: 'NATS', start: () => startNats(), answers: (port: number) => tcpAnswers(port, '', 'INFO ') },
  { kind: 'Redis', start: () => startRedis(), answers: (port: number) => tcpAnswers(port, 'PING\r\n', '+PONG') },
  { kind: 'Consul', start: () => startConsul(), answers: (port: number) => httpAnswers(port, '/v1/agent/self') },
  {
    kind: 'Prometheus',
    start: () => startPrometheus({ targetsFile: join(PROJECT_ROOT, '.local', 'no-targets.json') }),
    answers: (port: number) => httpAnswers(port, '/api/v1/query?query=1'),
  },
];

it.each(KINDS)('$kind comes back on its port after SIGKILL', async ({ start, answers }) => {
  const server = keep(await start());
  const { pid, port, url } = server;
  expect(port).toBeGreaterThanOrEqual(20_000);
  expect(port).toBeLessThan(32_000);
  expect(await answers(port)).toBe(true);

  server.signal('SIGKILL');
  await vi.waitFor(async () => expect(await answers(port)).toBe(false), PATIENCE);
  await server.restart();

  expect(await answers(port)).toBe(true);
  expect([server.port, server.url]).toEqual([port, url]);
  expect(server.pid).not.toBe(pid);
});

it.each(KINDS)('$kind answers again after SIGSTOP and SIGCONT, and stops while stopped', async ({ start, answers }) => {
  const server = keep(await start());

  server.signal('SIGSTOP');
  // The kernel stops one thread after the other.
  await vi.waitFor(async () => expect(await answers(server.port)).toBe(false), PATIENCE);
  server.signal('SIGCONT');
  await vi.waitFor(async () => expect(await answers(server.port)).toBe(true), PATIENCE);
  server.signal('SIGSTOP');
  await server.stop();
  await server.stop();

  expect(isAlive(server.pid)).toBe(false);
  expect(runFolders(process.pid).filter((name) => server.logFile.includes(name))).toEqual([]);
});

it('keeps what is registered in Consul when Consul is killed', async () => {
  const consul = keep(await startConsul());
  const body = JSON.stringify({ ID: 'one', Name: 'kept', Address: '127.0.0.1', Port: 1 });
  await fetch(`${consul.url}/v1/agent/service/register`, { method: 'PUT', body });

  consul.signal('SIGKILL');
  await consul.restart();

  const entries = await (await fetch(`${consul.url}/v1/health/service/kept`)).json();
  expect(entries).toMatchObject([{ Service: { ID: 'one' } }]);
});

it('runs several Consuls side by side', async () => {
  const servers = await Promise.all([startConsul(), startConsul(), startConsul()]);
  for (const server of servers) keep(server);

  const peers = await Promise.all(servers.map(async ({ url }) => (await fetch(`${url}/v1/status/peers`)).json()));

  expect(new Set(peers.flat()).size).toBe(3);
});

it('asks for the password that Redis was started with', async () => {
  const redis = keep(await startRedis({ password: 'a b' }));

  expect(redis.url).toBe(`redis://:a%20b@127.0.0.1:${redis.port}`);
  expect(await askTcp(redis.port, 'AUTH "a b"\r\n', AbortSignal.timeout(5000))).toBe('+OK\r\n');
});

it('takes another port when one was taken between looking and binding', async () => {
  const thief = createServer();
  const chosen: number[] = [];

  const server = keep(
    await startServer({
      name: 'nats',
      ...findServer('nats-server'),
      ports: 1,
      async prepare(_folder, [port = 0]) {
        chosen.push(port);
        if (chosen.length === 1) await once(thief.listen(port, '127.0.0.1'), 'listening');
        return ['-a', '127.0.0.1', '-p', `${port}`];
      },
      url: (port) => `nats://127.0.0.1:${port}`,
      answers: async (port, signal) => (await askTcp(port, '', signal)).startsWith('INFO '),
    }),
  );
  thief.close();

  expect(chosen).toHaveLength(2);
  expect(server.port).toBe(chosen[1]);
});

it("says what a server's log says when it cannot start", async () => {
  await expect(startNats({ config: 'nonsense {' })).rejects.toThrow(
    /^nats ended with 1 instead of starting.*Parse error/s,
  );
  expect(runFolders(process.pid).filter((name) => name.includes('-nats-'))).toEqual([]);
});

it('leaves no server behind when its parent is killed, not even a stopped one', async () => {
  const parent = await startParent();
  const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
  const pids = JSON.parse(line.toString()) as number[];
  expect(pids.map(isAlive)).toEqual([true, true]);

  const ended = once(parent, 'exit');
  // The whole group, as a terminal or a CI runner would.
  process.kill(-parent.pid!, 'SIGKILL');
  // Until then its number counts as taken.
  await ended;

  await vi.waitFor(() => expect(pids.map(isAlive)).toEqual([false, false]), PATIENCE);
  // The next start tidies up what the dead one could not.
  keep(await startNats());
  expect(runFolders(parent.pid!)).toEqual([]);
});

async function startParent(): Promise<ChildProcess> {
  const file = join(PROJECT_ROOT, '.local', `parent-${process.pid}.ts`);
  const servers = join(PROJECT_ROOT, 'dev', 'servers');
  await writeFile(
    file,
    `import { startNats } from ${JSON.stringify(join(servers, 'nats.ts'))};
    import { startRedis } from ${JSON.stringify(join(servers, 'redis.ts'))};
    const [nats, redis] = await Promise.all([startNats(), startRedis()]);
    redis.signal('SIGSTOP');
    console.log(JSON.stringify([nats.pid, redis.pid]));
    setInterval(() => undefined, 1000);`,
  );
  started.push({ stop: () => rm(file) });
  return spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
}

function keep(server: RunningServer): RunningServer {
  started.push(server);
  return server;
}

function runFolders(pid: number): readonly string[] {
  return readdirSync(join(PROJECT_ROOT, '.local', 'run')).filter((name) => name.startsWith(`${pid}-`));
}

async function tcpAnswers(port: number, request: string, expected: string): Promise<boolean> {
  const answer = await askTcp(port, request, AbortSignal.timeout(500)).catch(() => '');
  return answer.startsWith(expected);
}

async function httpAnswers(port: number, path: string): Promise<boolean> {
  const request = fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(1000) });
  return request.then((response) => response.ok).catch(() => false);
}

/** A zombie counts as dead: nobody may be left in a container to collect it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

function isZombie(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
}
