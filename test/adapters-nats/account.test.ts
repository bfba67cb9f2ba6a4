import { fileURLToPath } from 'node:url';
import { connect, headers, type NatsConnection, PermissionViolationError } from 'nats';
import { afterEach, expect, it } from 'vitest';
import { freePort } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { respond, startFunction, startProcess } from '../functions/relay-process.ts';

const CONFIG_FILE = fileURLToPath(new URL('../../deploy/nats/game-allocator.conf', import.meta.url));
const PASSWORDS = {
  RELAY_PASSWORD: 'canary-relay',
  BACKEND_PASSWORD: 'canary-backend',
  OPERATOR_PASSWORD: 'canary-operator',
};
type User = 'relay' | 'backend' | 'operator';

/** Ends a test that hangs on a crowded machine; not what is measured. */
const LIMIT = { timeout: 30_000, interval: 20 };
const ASSIGN = 'game.assign.request';
const QUEUE = 'game-allocator';
const REQUEST = JSON.stringify({ game_id: 'g1' });
const PLACED = { success: true, instance_id: '10.0.0.3', port: 5002 };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startServer(): Promise<RunningServer> {
  const server = await startNats({ configFile: CONFIG_FILE, env: PASSWORDS });
  cleanups.push(() => server.stop());
  return server;
}

/** A client of that user, and what NATS forbids it. */
async function clientOf(server: RunningServer, user: User) {
  const pass = PASSWORDS[`${user.toUpperCase() as Uppercase<User>}_PASSWORD`];
  const nc = await connect({ servers: server.url, user, pass, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  cleanups.push(() => nc.close());
  const forbidden: string[] = [];
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue;
      forbidden.push(`${status.error.operation} ${status.error.subject}`);
    }
  })();
  return { nc, forbidden };
}

/** What `nc` receives on `subject`, as text. */
async function listen(nc: NatsConnection, subject: string, queue?: string): Promise<string[]> {
  const received: string[] = [];
  nc.subscribe(subject, {
    callback: (error, message) => void (error ?? received.push(message.string())),
    ...(queue === undefined ? {} : { queue }),
  });
  await nc.flush();
  return received;
}

async function startRelay(server: RunningServer, env: Readonly<Record<string, string>> = {}) {
  const target = await startFunction((items, response) => {
    respond(
      response,
      items.map((item) => ((item as { op: string }).op === 'instances' ? { success: true, instances: [] } : PLACED)),
    );
  });
  cleanups.push(() => target.stop());
  const port = await freePort();
  const relay = startProcess([], {
    NATS_URL: server.url,
    NATS_USER: 'relay',
    NATS_PASSWORD: PASSWORDS.RELAY_PASSWORD,
    ALLOCATOR_URL: target.url,
    KEEP_WARM: '0',
    PORT: String(port),
    ...env,
  });
  cleanups.push(async () => {
    relay.kill('SIGKILL');
    await relay.ended;
  });
  const probe = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    return response && ((await response.json()) as Record<string, unknown>);
  };
  return { relay, probe };
}

async function startServing() {
  const server = await startServer();
  const { relay, probe } = await startRelay(server);
  await expect.poll(() => probe('/readyz'), LIMIT).toEqual({ ready: true });
  return { server, relay, probe };
}

it('lets a relay answer a backend, and an operator ask for its figures', async () => {
  const { server, relay, probe } = await startServing();
  const backend = await clientOf(server, 'backend');
  const operator = await clientOf(server, 'operator');

  const answers = Array.from({ length: 50 }, () => backend.nc.request(ASSIGN, REQUEST, { timeout: 5000 }));
  const list = await backend.nc.request('ai.instances.request', '{}', { timeout: 5000 });
  const ping = await operator.nc.request('$SRV.PING', '', { timeout: 5000 });
  const stats = await operator.nc.request('$SRV.STATS.game-allocator-service', '', { timeout: 5000 });

  expect((await Promise.all(answers)).map((message) => message.json())).toEqual(Array(50).fill(PLACED));
  expect(list.json()).toEqual({ success: true, instances: [] });
  expect(ping.json()).toMatchObject({ name: 'game-allocator-service' });
  expect(JSON.stringify(stats.json())).toContain('"num_requests":50');
  expect([backend.forbidden, operator.forbidden]).toEqual([[], []]);
  expect(relay.output()).not.toContain('refused');
  expect(await probe('/health')).toMatchObject({ status: 'ok', lost_replies: 0 });
});

it('lets an operator ask what the allocator sees, and no backend', async () => {
  const { server } = await startServing();
  const operator = await clientOf(server, 'operator');
  const backend = await clientOf(server, 'backend');
  const { nc } = operator;

  // The function behind this relay knows none of it: it is a relay's failure that comes back.
  for (const subject of ['game.fleet.request', 'game.explain.request']) {
    const reply = await nc.request(subject, REQUEST, { timeout: 5000 });
    expect(reply.json()).toMatchObject({ success: false, code: 'upstream_unavailable' });
    backend.nc.publish(subject, REQUEST);
    nc.publish(ASSIGN, REQUEST);
  }
  await Promise.all([nc.flush(), backend.nc.flush()]);

  const info = await nc.request('$SRV.INFO', '', { timeout: 5000 });
  expect(info.string()).toContain('"subject":"game.fleet.request"');
  expect(info.string()).toContain('"subject":"game.explain.request"');
  await expect
    .poll(() => backend.forbidden, LIMIT)
    .toEqual(['publish game.fleet.request', 'publish game.explain.request']);
  await expect.poll(() => operator.forbidden, LIMIT).toEqual([`publish ${ASSIGN}`, `publish ${ASSIGN}`]);
});

it('lets a relay in again after the server was killed and started again', async () => {
  const { server, probe } = await startServing();
  const { nc } = await clientOf(server, 'backend');

  server.signal('SIGKILL');
  await expect.poll(() => probe('/readyz'), LIMIT).toEqual({ ready: false, reason: 'not_connected' });
  await server.restart();
  await expect.poll(() => probe('/readyz'), LIMIT).toEqual({ ready: true });

  await expect
    .poll(
      () =>
        nc.request(ASSIGN, REQUEST, { timeout: 1000 }).then(
          (message) => message.json(),
          () => undefined,
        ),
      LIMIT,
    )
    .toEqual(PLACED);
});

it('is not ready where one of its subjects is not allowed', async () => {
  const server = await startServer();
  const { probe } = await startRelay(server, { RELEASE_SUBJECTS: 'game.over.*' });

  await expect.poll(() => probe('/readyz'), LIMIT).toEqual({ ready: false, reason: 'not_subscribed' });
});

it('is not ready with another password, and says why', async () => {
  const server = await startServer();
  const { probe, relay } = await startRelay(server, { NATS_PASSWORD: 'canary-wrong' });

  await expect.poll(() => probe('/readyz'), LIMIT).toEqual({ ready: false, reason: 'credentials_refused' });

  expect(relay.output()).toContain('nats_credentials_refused');
  expect(relay.output()).not.toContain('canary');
});

it.each(['x', '_INBOX.somebody', '$SYS.REQ.SERVER.PING', ASSIGN, '$SRV.PING'])(
  'forbids a relay to publish to %s',
  async (subject) => {
    const server = await startServer();
    const { nc, forbidden } = await clientOf(server, 'relay');
    const backend = await clientOf(server, 'backend');
    const received = await listen(backend.nc, '_INBOX.somebody');

    nc.publish(subject, 'canary');
    await nc.flush();
    await backend.nc.flush();

    await expect.poll(() => forbidden, LIMIT).toEqual([`publish ${subject}`]);
    expect(received).toEqual([]);
  },
);

it('lets a relay reply once to a request and not twice', async () => {
  const server = await startServer();
  const { nc, forbidden } = await clientOf(server, 'relay');
  nc.subscribe(ASSIGN, {
    queue: QUEUE,
    callback: (_error, message) => {
      message.respond('first');
      message.respond('second');
    },
  });
  await nc.flush();
  const backend = await clientOf(server, 'backend');
  const received = await listen(backend.nc, '_INBOX.mine');

  backend.nc.publish(ASSIGN, REQUEST, { reply: '_INBOX.mine' });
  await expect.poll(() => forbidden, LIMIT).toEqual(['publish _INBOX.mine']);
  await backend.nc.flush();

  expect(received).toEqual(['first']);
});

it.each([
  ['everything', '>', undefined],
  ["callers' replies", '_INBOX.>', undefined],
  ['what other services are asked', 'other.request', QUEUE],
  ['requests that other relays get', ASSIGN, undefined],
  ['requests in another queue group', ASSIGN, 'mine'],
])('forbids a relay to listen to %s', async (_name, subject, queue) => {
  const server = await startServer();
  const { nc, forbidden } = await clientOf(server, 'relay');

  await listen(nc, subject, queue);

  await expect.poll(() => forbidden, LIMIT).toEqual([`subscription ${subject}`]);
});

it.each([ASSIGN, '>', '$SRV.>', 'game.assigned.*'])('forbids a backend to listen to %s', async (subject) => {
  const server = await startServer();
  const backend = await clientOf(server, 'backend');
  const thief = await clientOf(server, 'backend');

  const stolen = await listen(thief.nc, subject, QUEUE);
  backend.nc.publish(ASSIGN, REQUEST);
  await backend.nc.flush();
  await thief.nc.flush();

  await expect.poll(() => thief.forbidden, LIMIT).toEqual([`subscription ${subject}`]);
  expect(stolen).toEqual([]);
});

it.each(['_INBOX.somebody', '$SYS.REQ.SERVER.PING', '$SRV.PING', 'game.assigned.10.0.0.3', 'x'])(
  'forbids a backend to publish to %s',
  async (subject) => {
    const server = await startServer();
    const { nc, forbidden } = await clientOf(server, 'backend');
    const victim = await clientOf(server, 'backend');
    const received = await listen(victim.nc, '_INBOX.somebody');

    nc.publish(subject, 'canary');
    await nc.flush();
    await victim.nc.flush();

    await expect.poll(() => forbidden, LIMIT).toEqual([`publish ${subject}`]);
    expect(received).toEqual([]);
  },
);

it('forbids an operator to ask for games', async () => {
  const server = await startServer();
  const { nc, forbidden } = await clientOf(server, 'operator');

  nc.publish(ASSIGN, REQUEST);
  await nc.flush();

  await expect.poll(() => forbidden, LIMIT).toEqual([`publish ${ASSIGN}`]);
});

it.each([
  ['nobody', {}],
  ['a user with another password', { user: 'backend', pass: 'canary' }],
  ['a user without a password', { user: 'relay' }],
  ['another user', { user: 'admin', pass: PASSWORDS.RELAY_PASSWORD }],
  ['a token', { token: PASSWORDS.RELAY_PASSWORD }],
])('keeps out %s', async (_name, login) => {
  const server = await startServer();

  await expect(connect({ servers: server.url, ...login })).rejects.toMatchObject({ name: 'AuthorizationError' });
});

it('counts a reply that it may not send any more over another connection', async () => {
  const server = await startServer();
  const finish: (() => void)[] = [];
  const slow = await startFunction((_items, response) => finish.push(() => respond(response, [PLACED])));
  cleanups.push(() => slow.stop());
  const { probe } = await startRelay(server, { ALLOCATOR_URL: slow.url });
  await expect.poll(() => probe('/readyz'), LIMIT).toEqual({ ready: true });
  const { nc } = await clientOf(server, 'backend');
  const fields = headers();
  fields.set('Timeout-Ms', '10000');
  nc.publish(ASSIGN, REQUEST, { reply: '_INBOX.mine', headers: fields });
  await expect.poll(() => finish.length, LIMIT).toBe(1);

  server.signal('SIGKILL');
  await expect.poll(() => probe('/readyz'), LIMIT).toEqual({ ready: false, reason: 'not_connected' });
  finish[0]!();
  await expect.poll(async () => (await probe('/health'))?.['in_flight'], LIMIT).toBe(0);
  await server.restart();

  await expect.poll(async () => (await probe('/health'))?.['lost_replies'], LIMIT).toBe(1);
});
