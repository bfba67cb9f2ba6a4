import { connect, headers } from 'nats';
import { afterEach, expect, it } from 'vitest';
import { freePorts } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { connectNats } from '../../lib/adapters/nats/connect-nats.ts';
import { createReconnectPace } from '../../lib/adapters/nats/reconnect-pace.ts';
import { watchSocket } from '../../lib/adapters/nats/watch-socket.ts';
import type { Allocate } from '../../lib/api/allocate.ts';
import { ASSIGN } from '../relay/fake-message.ts';
import { countingClient, PLACED, SUBJECT, startRelay } from './start-relay.ts';

/** Ends a test that hangs on a crowded machine; not what is measured. */
const LIMIT = { timeout: 30_000, interval: 20 };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startServer(config = '') {
  const server = await startNats({ config });
  cleanups.push(() => server.stop());
  return server;
}

/** Two servers that know each other, and so do their clients. */
async function startCluster() {
  const ports = await freePorts(2);
  const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`).join(', ');
  const config = (port = 0) => `cluster { name: both, listen: "127.0.0.1:${port}", routes: [${routes}] }`;
  return [await startServer(config(ports[0])), await startServer(config(ports[1]))] as const;
}

/** An Allocate that answers when it is told to. */
function heldAnswers() {
  const waiting: (() => void)[] = [];
  const allocate: Allocate = async (items) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return items.map(() => PLACED);
  };
  return {
    allocate,
    waiting,
    finish: () => {
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
}

/** A relay whose answers become ready in the moment in which it notices that NATS is gone. */
async function startCutOff(url: string) {
  const { allocate, waiting, finish } = heldAnswers();
  const onEvent = (event: string) => event === 'nats_disconnected' && finish();
  const started = startRelay(url, allocate, [ASSIGN], {}, onEvent);
  cleanups.push(() => started.stop());
  await expect.poll(() => started.door.state(), LIMIT).toBe('serving');
  return { ...started, waiting };
}

function waits(ms: number) {
  const fields = headers();
  fields.set('Timeout-Ms', String(ms));
  return fields;
}

it('sends replies that were ready when its server was killed once, over another server, to a caller who is still there', async () => {
  const [near, far] = await startCluster();
  const { door, relay, waiting } = await startCutOff(near.url);
  const { nc, replies, send } = await countingClient(far.url);
  cleanups.push(() => nc.close());
  // A request is known to get there when it is taken: before that the servers may not have told each other of us.
  const ids = Array.from({ length: 50 }, (_, i) => `g${i}`);
  await expect
    .poll(() => {
      if (waiting.length === 0) send('first', waits(10_000));
      return waiting.length > 0;
    }, LIMIT)
    .toBe(true);
  for (const id of ids) send(id, waits(10_000));
  await expect.poll(() => relay.inFlight(), LIMIT).toBeGreaterThanOrEqual(51);

  near.signal('SIGKILL');
  await expect.poll(() => ids.filter((id) => replies.has(id)).length, LIMIT).toBe(50);
  await door.flush();
  await nc.flush();

  expect(ids.map((id) => replies.get(id))).toEqual(Array(50).fill([PLACED]));
  expect(door.repliesLost()).toBe(0);
  expect(door.state()).toBe('serving');
});

it('drops and counts replies whose time is over when the server is back', async () => {
  const server = await startServer();
  const { door, relay, waiting } = await startCutOff(server.url);
  const { nc, replies, send } = await countingClient(server.url);
  cleanups.push(() => nc.close());
  for (const id of ['a', 'b', 'c']) send(id, waits(1000));
  await expect.poll(() => waiting.length, LIMIT).toBe(3);

  server.signal('SIGKILL');
  await relay.finish();
  await expect.poll(() => door.repliesLost(), LIMIT).toBe(3);
  await server.restart();
  await expect.poll(() => door.state(), LIMIT).toBe('serving');
  await door.flush();

  expect(door.repliesLost()).toBe(3);
  expect(replies.size).toBe(0);
});

it('ends in time and counts what it still kept when it is told to stop while NATS is gone', async () => {
  const server = await startServer();
  const { door, relay, waiting, stop, events } = await startCutOff(server.url);
  const { nc, send } = await countingClient(server.url);
  cleanups.push(() => nc.close());
  send('patient', waits(10_000));
  send('hasty', waits(500));
  await expect.poll(() => waiting.length, LIMIT).toBe(2);
  server.signal('SIGKILL');
  await relay.finish();
  expect(door.connected()).toBe(false);

  const askedAt = performance.now();
  await stop();

  expect(door.repliesLost()).toBe(2);
  // The steps that NATS has a part in have 2 s each, of which only the wait for a reconnect takes all.
  expect(performance.now() - askedAt).toBeLessThan(8000);
  expect(events.filter((event) => event === 'drain_step_failed').length).toBeLessThanOrEqual(2);
});

it('sends what it kept when NATS comes back while it stops', async () => {
  const [near, far] = await startCluster();
  const { door, relay, waiting, stop, events } = await startCutOff(near.url);
  const { nc, replies, send } = await countingClient(far.url);
  cleanups.push(() => nc.close());
  await expect
    .poll(() => {
      if (waiting.length === 0) send('g', waits(10_000));
      return waiting.length > 0;
    }, LIMIT)
    .toBe(true);

  near.signal('SIGKILL');
  await expect.poll(() => events, LIMIT).toContain('nats_disconnected');
  await stop();

  await expect.poll(() => replies.get('g')?.length ?? 0, LIMIT).toBeGreaterThan(0);
  expect(door.repliesLost()).toBe(0);
  expect(relay.inFlight()).toBe(0);
});

it('has flushed only when NATS has been back for what it keeps', async () => {
  const server = await startServer();
  const { door, relay, waiting } = await startCutOff(server.url);
  const { nc, send } = await countingClient(server.url);
  cleanups.push(() => nc.close());
  send('g', waits(10_000));
  await expect.poll(() => waiting.length, LIMIT).toBe(1);
  server.signal('SIGKILL');
  await relay.finish();

  const backThen = door.flush().then(() => door.connected());
  await server.restart();

  expect(await backThen).toBe(true);
  expect(door.repliesLost()).toBe(0);
});

it('counts replies that the server would not let it send', async () => {
  const permissions = `permissions: { publish: { deny: "_INBOX.>" } }`;
  const server = await startServer(
    `authorization { users: [{ user: u, password: p, ${permissions} }, { user: c, password: c }] }\nno_auth_user: u`,
  );
  const started = startRelay(server.url);
  cleanups.push(() => started.stop());
  await expect.poll(() => started.door.state(), LIMIT).toBe('serving');
  const nc = await connect({ servers: server.url, user: 'c', pass: 'c' });
  cleanups.push(() => nc.close());

  await expect(nc.request(SUBJECT, '{"game_id":"g"}', { timeout: 1000 })).rejects.toThrow();

  expect(started.door.repliesLost()).toBe(1);
  expect(started.events).toContain('nats_publish_refused');
  expect(started.door.state()).toBe('serving');
});

it('is told that the socket ends before the client says so', async () => {
  const server = await startServer();
  const nc = await connectNats(
    { servers: [server.url], tls: undefined, name: 'watched' },
    createReconnectPace(Date.now, Math.random, false),
  );
  cleanups.push(() => nc.close());
  const told: string[] = [];
  watchSocket(nc, () => told.push('ended'));
  void (async () => {
    for await (const { type } of nc.status()) told.push(type);
  })();

  server.signal('SIGKILL');
  await expect.poll(() => told, LIMIT).toContain('disconnect');

  expect(told[0]).toBe('ended');
});

it('closes a socket when asked, whatever is still to be sent over it', async () => {
  const server = await startServer();
  const { door, events } = await startCutOff(server.url);
  const nc = await connectNats(
    { servers: [server.url], tls: undefined, name: 'watched' },
    createReconnectPace(Date.now, Math.random, false),
  );
  cleanups.push(() => nc.close());
  let ended = false;
  const close = watchSocket(nc, () => {
    ended = true;
  });
  server.signal('SIGSTOP');
  for (let i = 0; i < 100; i += 1) nc.publish('x', new Uint8Array(500_000));

  close();
  await expect.poll(() => ended, LIMIT).toBe(true);
  server.signal('SIGCONT');

  await expect
    .poll(
      () =>
        nc.flush().then(
          () => true,
          () => false,
        ),
      LIMIT,
    )
    .toBe(true);
  expect(door.connected()).toBe(true);
  expect(events).not.toContain('nats_disconnected');
});
