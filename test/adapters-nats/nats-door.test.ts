import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, headers, type NatsConnection } from 'nats';
import { afterEach, describe, expect, it } from 'vitest';
import { startNats } from '../../dev/servers/nats.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { failureReply } from '../../lib/api/outcomes.ts';
import type { Endpoint } from '../../lib/relay/endpoints.ts';
import { ASSIGN } from '../relay/fake-message.ts';
import { reconfigure } from './reconfigure.ts';
import { countingClient, PLACED, SUBJECT, startRelay } from './start-relay.ts';

/** Ends a test that hangs on a crowded machine; not what is measured. */
const LIMIT = { timeout: 30_000, interval: 20 };
const REQUEST = JSON.stringify({ game_id: 'g1' });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type DropFirst<T extends readonly unknown[]> = T extends [unknown, ...infer Rest] ? Rest : never;

async function startServer(config = ''): Promise<RunningServer> {
  const server = await startNats({ config });
  cleanups.push(() => server.stop());
  return server;
}

async function startServing(url: string, ...more: DropFirst<Parameters<typeof startRelay>>) {
  const started = startRelay(url, ...more);
  cleanups.push(() => started.stop());
  await expect.poll(() => started.door.state(), LIMIT).toBe('serving');
  return started;
}

async function client(url: string): Promise<NatsConnection> {
  const nc = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  cleanups.push(() => nc.close());
  return nc;
}

async function counting(url: string) {
  const started = await countingClient(url);
  cleanups.push(() => started.nc.close());
  return started;
}

it('answers a plain request with JSON and no headers', async () => {
  const server = await startServer();
  await startServing(server.url);
  const nc = await client(server.url);

  const answer = await nc.request(SUBJECT, REQUEST, { timeout: 5000 });

  expect(answer.json()).toEqual(PLACED);
  expect(answer.headers).toBeUndefined();
});

it('puts message and status of a failure into the headers that micro services use', async () => {
  const server = await startServer();
  await startServing(server.url);
  const nc = await client(server.url);

  const answer = await nc.request(SUBJECT, '{"game_id":null}', { timeout: 5000 });

  const failure = failureReply({ code: 'invalid_request', message: 'game_id must be a string.' });
  expect(answer.json()).toEqual(failure);
  expect(answer.headers?.get('Nats-Service-Error')).toBe(failure.message);
  expect(answer.headers?.get('Nats-Service-Error-Code')).toBe('400');
});

it('gives a valid traceparent back, beside what a failure has', async () => {
  const server = await startServer();
  await startServing(server.url);
  const nc = await client(server.url);
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  async function headersOf(request: string, sent: string) {
    const fields = headers();
    fields.set('traceparent', sent);
    const answer = await nc.request(SUBJECT, request, { timeout: 5000, headers: fields });
    return answer.headers && Object.fromEntries([...answer.headers].map(([name, [value]]) => [name, value]));
  }

  expect(await headersOf(REQUEST, traceparent)).toEqual({ traceparent });
  expect(await headersOf('{}', traceparent)).toEqual({
    'Nats-Service-Error': 'game_id is required.',
    'Nats-Service-Error-Code': '400',
    traceparent,
  });
  expect(await headersOf(REQUEST, `${traceparent}-x`)).toBeUndefined();
});

it('reads request headers in any case', async () => {
  const server = await startServer();
  const budgets: unknown[] = [];
  await startServing(server.url, async ([item]) => {
    budgets.push(item!.traceparent, (item!.budget_ms ?? 0) > 1500);
    return [PLACED];
  });
  const nc = await client(server.url);
  const fields = headers();
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  fields.set('TIMEOUT-MS', '2000');
  fields.set('Traceparent', traceparent);

  await nc.request(SUBJECT, REQUEST, { timeout: 5000, headers: fields });

  expect(budgets).toEqual([traceparent, true]);
});

it('goes on after headers that cannot be read', async () => {
  const server = await startServer();
  await startServing(server.url);
  const nc = await client(server.url);
  const fields = headers();
  fields.set('Some', 'thing');
  const broken = Object.assign(fields, { encode: () => Buffer.from('NATS/1.0\r\nSo me: th\ning\r\n\r\n') });

  const answer = await nc.request(SUBJECT, REQUEST, { timeout: 5000, headers: broken });
  const next = await nc.request(SUBJECT, REQUEST, { timeout: 5000 });

  expect(answer.json()).toMatchObject({ success: false, code: 'invalid_request' });
  expect(next.json()).toEqual(PLACED);
});

it('carries out a message that has no reply subject', async () => {
  const server = await startServer();
  const asked: unknown[] = [];
  await startServing(server.url, async (items) => {
    asked.push(...items.map((item) => item.request));
    return [PLACED];
  });
  const nc = await client(server.url);

  nc.publish(SUBJECT, REQUEST);

  await expect.poll(() => asked, LIMIT).toEqual([{ game_id: 'g1' }]);
});

it('sends a short failure where the reply is over max_payload', async () => {
  const server = await startServer('max_payload: 600');
  await startServing(server.url, async () => [{ ...PLACED, degraded: ['x'.repeat(700)] }]);
  const nc = await client(server.url);

  const answer = await nc.request(SUBJECT, REQUEST, { timeout: 5000 });

  expect(answer.json()).toMatchObject({ success: false, code: 'upstream_unavailable' });
});

it('sends exactly one reply to each of 2,000 requests from two relays', async () => {
  const server = await startServer();
  const first = await startServing(server.url);
  const second = await startServing(server.url);
  const { send, replies, nc } = await counting(server.url);

  const ids = Array.from({ length: 2000 }, (_, i) => `g${i}`);
  for (const id of ids) send(id);
  await expect.poll(() => replies.size, LIMIT).toBe(2000);
  // What the other relay may have sent as well has arrived after these round trips.
  for (const { door } of [first, second]) await door.flush();
  await nc.flush();

  expect(ids.filter((id) => replies.get(id)?.length !== 1)).toEqual([]);
  expect(first.relay.stats().received + second.relay.stats().received).toBe(2000);
  expect(first.relay.stats().received).toBeGreaterThan(0);
  expect(second.relay.stats().received).toBeGreaterThan(0);
});

it('loses no request when one of two relays is drained under load', async () => {
  const server = await startServer();
  const slow = async () => {
    await pause(30);
    return [PLACED];
  };
  await startServing(server.url, slow);
  const { send, replies } = await counting(server.url);
  let sent = 0;
  let sending = true;
  const load = (async () => {
    for (; sending; await pause(2)) send(`g${sent++}`);
  })();

  for (let round = 0; round < 4; round += 1) {
    const other = await startServing(server.url, slow);
    await expect.poll(() => other.relay.inFlight(), LIMIT).toBeGreaterThan(0);
    await other.stop();
    expect(other.relay.inFlight()).toBe(0);
    expect(other.door.state()).toBe('draining');
  }
  sending = false;
  await load;

  await expect.poll(() => replies.size, LIMIT).toBe(sent);
  expect([...replies.values()].filter((list) => list.length !== 1 || list[0] === 'no responders')).toEqual([]);
});

it('answers again after the server was killed and started again', async () => {
  const server = await startServer();
  const { door } = await startServing(server.url);

  server.signal('SIGKILL');
  await expect.poll(() => door.state(), LIMIT).toBe('not_connected');
  await server.restart();
  await expect.poll(() => door.state(), LIMIT).toBe('serving');
  const nc = await client(server.url);

  expect((await nc.request(SUBJECT, REQUEST, { timeout: 5000 })).json()).toEqual(PLACED);
});

it('says that its credentials are refused, and serves once they are taken', async () => {
  const server = await startServer('authorization { user: a, password: b }');
  const started = startRelay(server.url);
  cleanups.push(() => started.stop());

  await expect.poll(() => started.door.state(), LIMIT).toBe('credentials_refused');
  expect(started.door.connected()).toBe(false);
  // More than one refusal, after which the client would give up if it were not told otherwise.
  await expect
    .poll(async () => (await readFile(server.logFile, 'utf8')).match(/authentication error/g)?.length, LIMIT)
    .toBeGreaterThan(2);
  expect(started.events).toContain('nats_credentials_refused');
  await reconfigure(server, '');

  await expect.poll(() => started.door.state(), LIMIT).toBe('serving');
});

it('says so when credentials are refused that were good, and not that the server is silent', async () => {
  const server = await startServer();
  const { door, events } = await startServing(server.url);

  await reconfigure(server, 'authorization { user: a, password: b }');
  await expect.poll(() => door.state(), LIMIT).toBe('credentials_refused');
  await reconfigure(server, '');
  await expect.poll(() => door.state(), LIMIT).toBe('serving');

  expect(events).toContain('nats_credentials_refused');
  expect(events).not.toContain('nats_server_silent');
});

it('says that it is not connected when a server that refused it is gone', async () => {
  const server = await startServer();
  const { door } = await startServing(server.url);
  await reconfigure(server, 'authorization { user: a, password: b }');
  await expect.poll(() => door.state(), LIMIT).toBe('credentials_refused');

  server.signal('SIGKILL');

  await expect.poll(() => door.state(), LIMIT).toBe('not_connected');
});

it('says that it is not connected when a server that never let it in is gone', async () => {
  const server = await startServer('authorization { user: a, password: b }');
  const started = startRelay(server.url);
  cleanups.push(() => started.stop());
  await expect.poll(() => started.door.state(), LIMIT).toBe('credentials_refused');

  server.signal('SIGKILL');

  await expect.poll(() => started.door.state(), LIMIT).toBe('not_connected');
});

it('complains of a server that cannot be reached, and connects once it is there', async () => {
  const server = await startServer();
  server.signal('SIGKILL');
  const started = startRelay(server.url);
  cleanups.push(() => started.stop());
  await expect.poll(() => started.events, LIMIT).toContain('nats_not_reached');
  expect(started.door.state()).toBe('not_connected');

  await server.restart();

  await expect.poll(() => started.door.state(), LIMIT).toBe('serving');
});

it('is not ready without its subscription, and subscribes again once it is allowed to', async () => {
  const allowed = 'authorization { users: [{ user: u, password: p }] }\nno_auth_user: u';
  const denied = `authorization { users: [{ user: u, password: p, permissions: { subscribe: { deny: "${SUBJECT}" } } }] }
no_auth_user: u`;
  const server = await startServer(denied);
  const started = startRelay(server.url);
  cleanups.push(() => started.stop());

  await expect.poll(() => started.events.filter((event) => event === 'nats_subscription_lost').length, LIMIT).toBe(2);
  expect(started.door.connected()).toBe(true);
  expect(started.door.state()).toBe('not_subscribed');
  await reconfigure(server, allowed);
  await expect.poll(() => started.door.state(), LIMIT).toBe('serving');
  const nc = await client(server.url);
  expect((await nc.request(SUBJECT, REQUEST, { timeout: 5000 })).json()).toEqual(PLACED);

  await reconfigure(server, denied);
  await expect.poll(() => started.door.state(), LIMIT).toBe('not_subscribed');
});

it('tells the truth in $SRV.PING, INFO and STATS', async () => {
  const server = await startServer();
  await startServing(server.url, async () => {
    await pause(20);
    return [PLACED];
  });
  const nc = await client(server.url);
  const ask = async (subject: string) => (await nc.request(subject, '', { timeout: 5000 })).json();

  await Promise.all(Array.from({ length: 10 }, () => nc.request(SUBJECT, REQUEST, { timeout: 5000 })));
  await nc.request(SUBJECT, '{}', { timeout: 5000 });

  const identity = { name: 'relay-under-test', version: '1.2.3', metadata: { title: 'T' } };
  expect(await ask('$SRV.PING.relay-under-test')).toMatchObject({
    ...identity,
    type: 'io.nats.micro.v1.ping_response',
  });
  expect(await ask('$SRV.INFO')).toMatchObject({
    ...identity,
    endpoints: [{ name: 'assign', subject: SUBJECT, queue_group: 'game-allocator' }],
  });
  const { endpoints } = (await ask('$SRV.STATS')) as { endpoints: Record<string, number>[] };
  expect(endpoints).toHaveLength(1);
  expect(endpoints[0]).toMatchObject({
    num_requests: 11,
    num_errors: 1,
    last_error: 'invalid_request: game_id is required.',
    data: { failed: { invalid_request: 1 } },
  });
  expect(endpoints[0]!['processing_time']).toBeGreaterThan(10 * 19e6);
  expect(endpoints[0]!['average_processing_time']).toBe(Math.round(endpoints[0]!['processing_time']! / 11));
});

describe('with several endpoints', () => {
  const LOOKUP: Endpoint = { name: 'lookup', subject: 'game.lookup.request', op: 'lookup', kind: 'request' };
  const OVER: Endpoint = { name: 'release-event-1', subject: 'game.over.*', op: 'release', kind: 'event' };

  async function startThree() {
    const server = await startServer();
    const asked: unknown[] = [];
    const started = await startServing(
      server.url,
      async (items) => {
        asked.push(...items.map(({ op, request }) => ({ op, request })));
        return items.map(() => PLACED);
      },
      [ASSIGN, LOOKUP, OVER],
    );
    return { ...started, asked, nc: await client(server.url) };
  }

  it('hands each message to the endpoint whose subject it came on', async () => {
    const { asked, nc } = await startThree();

    await nc.request(LOOKUP.subject, REQUEST, { timeout: 5000 });
    await nc.request(SUBJECT, REQUEST, { timeout: 5000 });
    nc.publish('game.over.g2');
    nc.publish('game.over.g2.more'); // no subject of ours
    nc.publish('game.over.g3', 'whatever');
    await expect.poll(() => asked.length, LIMIT).toBe(4);

    expect(asked).toEqual([
      { op: 'lookup', request: { game_id: 'g1' } },
      { op: 'assign', request: { game_id: 'g1' } },
      { op: 'release', request: { game_id: 'g2' } },
      { op: 'release', request: { game_id: 'g3' } },
    ]);
  });

  it('sends nothing to the reply subject of an event, where its publisher waits for a stream', async () => {
    const { asked, nc } = await startThree();
    const received: unknown[] = [];
    nc.subscribe('inbox', { callback: (_error, message) => void received.push(message.json()) });

    nc.publish('game.over.g2', '', { reply: 'inbox' });
    await expect.poll(() => asked.length, LIMIT).toBe(1);
    nc.publish(SUBJECT, REQUEST, { reply: 'inbox' });
    await expect.poll(() => received.length, LIMIT).toBe(1);

    expect(received).toEqual([PLACED]);
  });

  it('tells of each of them apart in $SRV.INFO and STATS', async () => {
    const { nc, relay } = await startThree();
    const ask = async (subject: string) => (await nc.request(subject, '', { timeout: 5000 })).json();

    for (let i = 0; i < 3; i += 1) await nc.request(LOOKUP.subject, REQUEST, { timeout: 5000 });
    await nc.request(SUBJECT, '{}', { timeout: 5000 });
    nc.publish('game.over.g2');
    await nc.flush();
    await expect.poll(() => relay.stats().received, LIMIT).toBe(5);
    await relay.finish();

    const queue_group = 'game-allocator';
    expect(await ask('$SRV.INFO')).toMatchObject({
      endpoints: [ASSIGN, LOOKUP, OVER].map(({ name, subject }) => ({ name, subject, queue_group })),
    });
    expect(await ask('$SRV.STATS')).toMatchObject({
      endpoints: [
        { name: 'assign', num_requests: 1, num_errors: 1, data: { failed: { invalid_request: 1 } } },
        { name: 'lookup', num_requests: 3, num_errors: 0, data: { failed: {} } },
        { name: 'release-event-1', num_requests: 1, num_errors: 0 },
      ],
    });
  });

  it('shares the messages of every endpoint between relays', async () => {
    const server = await startServer();
    const asked: unknown[] = [];
    const answer = async (items: readonly unknown[]) => {
      asked.push(...items);
      return items.map(() => PLACED);
    };
    const relays = [
      await startServing(server.url, answer, [ASSIGN, LOOKUP, OVER]),
      await startServing(server.url, answer, [ASSIGN, LOOKUP, OVER]),
    ];
    const nc = await client(server.url);

    for (let i = 0; i < 200; i += 1) nc.publish(`game.over.g${i}`);
    await expect.poll(() => asked.length, LIMIT).toBe(200);
    for (const { door } of relays) await door.flush();
    await nc.flush();

    expect(asked).toHaveLength(200);
    expect(relays.filter(({ relay }) => relay.stats().received === 0)).toEqual([]);
  });
});

it('publishes what nobody is to answer, and says so when it cannot', async () => {
  const server = await startServer();
  const { door } = await startServing(server.url);
  const nc = await client(server.url);
  const received: string[] = [];
  nc.subscribe('game.assigned.>', {
    callback: (_error, message) => void received.push(`${message.subject} ${message.string()}`),
  });
  await nc.flush();

  expect(door.publish('game.assigned.10.0.0.3', Buffer.from('{}'))).toBe(true);
  await expect.poll(() => received, LIMIT).toEqual(['game.assigned.10.0.0.3 {}']);
  server.signal('SIGKILL');
  await expect.poll(() => door.state(), LIMIT).toBe('not_connected');

  expect(door.publish('game.assigned.10.0.0.3', Buffer.from('{}'))).toBe(false);
});
