import { setTimeout as pause } from 'node:timers/promises';
import { connect, headers, type NatsConnection } from 'nats';
import { afterEach, expect, it } from 'vitest';
import { freePort } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { respond, startFunction, startProcess } from './relay-process.ts';

/** Ends a test that hangs on a crowded machine; not what is measured. */
const LIMIT = { timeout: 30_000, interval: 20 };
const SUBJECT = 'game.assign.request';
const REQUEST = JSON.stringify({ game_id: 'g1' });
const PLACED = { success: true, instance_id: '10.0.0.3', port: 5002 };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Answer = Parameters<typeof startFunction>[0];
const place: Answer = (items, response) =>
  respond(
    response,
    items.map(() => PLACED),
  );

/** nats-server, a function that answers with `answer`, a relay between them that is ready, and a client. */
async function startAll(answer: Answer, env: Readonly<Record<string, string>> = {}) {
  const nats = await startNats();
  cleanups.push(() => nats.stop());
  const target = await startFunction(answer);
  cleanups.push(() => target.stop());
  const port = await freePort();
  const addresses = { NATS_URL: nats.url, ALLOCATOR_URL: target.url, PORT: String(port) };
  const relay = startProcess([], { ...addresses, KEEP_WARM: '0', ...env });
  cleanups.push(async () => {
    relay.kill('SIGKILL');
    await relay.ended;
  });
  const probe = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    return response && { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  await expect.poll(async () => (await probe('/readyz'))?.status, LIMIT).toBe(200);
  const nc: NatsConnection = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  cleanups.push(() => nc.close());
  return { nats, target, relay, probe, nc, ask: () => nc.request(SUBJECT, REQUEST, { timeout: 5000 }) };
}

it('prints how it is used', async () => {
  const { code, output } = await startProcess(['--help']).ended;

  expect(code).toBe(0);
  expect(output).toContain('--check-config');
});

it('exits with 2 for a flag that it does not know', async () => {
  expect((await startProcess(['--chek-config']).ended).code).toBe(2);
  expect((await startProcess(['serve']).ended).code).toBe(2);
});

it('says that a configuration is valid', async () => {
  expect(await startProcess(['--check-config']).ended).toEqual({ code: 0, output: 'configuration is valid\n' });
});

it.each([[['--check-config']], [[]]])('lists every problem of a configuration and exits with 1: %j', async (args) => {
  const env = { PORT: 'canary', NATS_URL: 'http://canary', REDIS_PORT: 'canary', LOG_LEVEL: 'canary' };

  const { code, output } = await startProcess(args, env).ended;

  expect(code).toBe(1);
  const names = output
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0]);
  expect(names.sort()).toEqual(['LOG_LEVEL', 'NATS_URL', 'PORT', 'REDIS_PORT']);
  expect(output).not.toContain('canary');
});

it('exits with 1 when its port is taken', async () => {
  const { target } = await startAll(place);

  const { code, output } = await startProcess([], { PORT: new URL(target.url).port, ALLOCATOR_URL: target.url }).ended;

  expect(code).toBe(1);
  expect(output).toContain('health_port_unavailable');
});

it('posts a message to the function with its token and replies with its answer', async () => {
  const seen: unknown[] = [];
  const { ask, probe } = await startAll(
    (items, response, request) => {
      seen.push(request.url, request.headers.authorization, items);
      respond(response, [PLACED]);
    },
    { ALLOCATOR_TOKEN: 'canary', APP_TITLE: 'Ours' },
  );

  expect((await ask()).json()).toEqual(PLACED);

  const item = { op: 'assign', request: { game_id: 'g1' }, attempt: expect.any(String), budget_ms: expect.any(Number) };
  expect(seen).toEqual(['/batch', 'Bearer canary', [item]]);
  expect(await probe('/livez')).toEqual({ status: 200, body: { status: 'ok' } });
  expect(await probe('/health')).toMatchObject({
    status: 200,
    body: { status: 'ok', title: 'Ours', version: packageJson.version, connected: true, in_flight: 0 },
  });
});

it('listens on the subjects of every configured service, and names all but the first to the function', async () => {
  const SERVICES = JSON.stringify({
    ours: { assign: 'x.assign', record_prefix: 'x' },
    theirs: { instances: 'y.list' },
  });
  const seen: unknown[] = [];
  const { nc } = await startAll(
    (items, response) => {
      seen.push(...items);
      respond(response, [(items[0] as { op: string }).op === 'assign' ? PLACED : { success: true, instances: [] }]);
    },
    { SERVICES },
  );

  expect((await nc.request('x.assign', REQUEST, { timeout: 5000 })).json()).toEqual(PLACED);
  expect((await nc.request('y.list', '{}', { timeout: 5000 })).json()).toEqual({ success: true, instances: [] });

  const more = { attempt: expect.any(String), budget_ms: expect.any(Number) };
  expect(seen).toEqual([
    { op: 'assign', request: { game_id: 'g1' }, ...more },
    { op: 'instances', service: 'theirs', request: {}, ...more },
  ]);
});

it('answers for an item whose reply belongs to another operation that the service is unavailable', async () => {
  const { nc, ask } = await startAll(place);

  const list = await nc.request('game.instances.request', '{}', { timeout: 5000 });

  expect(list.json()).toMatchObject({ success: false, code: 'upstream_unavailable' });
  expect((await ask()).json()).toEqual(PLACED);
});

it('tells of each new assignment, and ends the games whose end it is told of', async () => {
  const seen: unknown[] = [];
  const { nc, probe, ask } = await startAll(
    (items, response) => {
      const [{ op }] = items as [{ op: string }];
      seen.push(op);
      const replayed = seen.filter((each) => each === 'assign').length > 1 && { replayed: true };
      respond(response, [op === 'assign' ? { ...PLACED, ...replayed } : { success: true }]);
    },
    { ASSIGN_EVENTS: 'true', ASSIGN_EVENT_SUBJECT: 'told.of', RELEASE_SUBJECTS: 'game.over.*' },
  );
  const events: unknown[] = [];
  nc.subscribe('told.>', { callback: (_error, message) => void events.push([message.subject, message.json()]) });
  await nc.flush();

  await ask();
  await ask();
  nc.publish('game.over.g1');
  await expect.poll(() => seen, LIMIT).toEqual(['assign', 'assign', 'release']);
  await nc.flush();

  expect(events).toEqual([['told.of.10.0.0.3', { game_id: 'g1', instance_id: '10.0.0.3', port: 5002 }]]);
  expect((await probe('/health'))?.body).toMatchObject({ status: 'ok', lost_events: 0 });
});

it('lets a message wait for capacity, and refuses it at a SIGTERM', async () => {
  const full = { success: false, code: 'no_capacity', message: 'Full.', retryable: true };
  let asked = 0;
  const { nc, relay } = await startAll((_items, response) => {
    asked += 1;
    respond(response, [full]);
  });
  const fields = headers();
  fields.set('Timeout-Ms', '10000');
  const waits = JSON.stringify({ game_id: 'g1', settings: { wait_ms: 10_000 } });
  const answer = nc.request('game.assign.request', waits, { timeout: 15_000, headers: fields });
  await expect.poll(() => asked, LIMIT).toBeGreaterThan(2);

  const toldAt = performance.now();
  relay.kill('SIGTERM');

  expect((await answer).json()).toEqual(full);
  expect(performance.now() - toldAt).toBeLessThan(5000);
  expect((await relay.ended).code).toBe(0);
});

it('warms as many environments as it is told to, and is as well when the function does not know how', async () => {
  const seen: unknown[] = [];
  const { ask, probe } = await startAll(
    (items, response) => {
      seen.push(...items);
      respond(response, [seen.length <= 3 ? { success: false, message: 'op is not known.' } : PLACED]);
    },
    { KEEP_WARM: '3' },
  );

  await expect.poll(() => seen.length, LIMIT).toBe(3);
  expect(seen).toEqual(Array(3).fill({ op: 'warm', request: { hold_ms: 50 } }));
  expect((await ask()).json()).toEqual(PLACED);
  const figures = { calls: 1, hedged: 0, hedges_won: 0, retried: 0, warm_calls: 3 };
  expect((await probe('/health'))?.body).toMatchObject({ status: 'ok', ...figures });
});

it('is ready, and stays so, while the function cannot be warmed', async () => {
  const { relay, probe } = await startAll((_items, response) => void response.writeHead(500).end(), { KEEP_WARM: '2' });

  await expect.poll(() => relay.output(), LIMIT).toContain('keep_warm_failed');

  expect((await probe('/readyz'))?.status).toBe(200);
  expect(relay.output().match(/keep_warm_failed/g)).toHaveLength(1);
});

it('retries a call whose connection was closed, and says in its figures that it did', async () => {
  let calls = 0;
  const { ask, probe } = await startAll((items, response, request) => {
    calls += 1;
    if (calls === 1) request.socket.destroy();
    else place(items, response, request);
  });

  expect((await ask()).json()).toEqual(PLACED);

  expect((await probe('/health'))?.body).toMatchObject({ calls: 2, retried: 1, hedged: 0 });
});

it('finishes what is in flight at a SIGTERM, says that it drains, and exits with 0', async () => {
  const finish: (() => void)[] = [];
  const { relay, ask, probe } = await startAll((_items, response) => finish.push(() => respond(response, [PLACED])));
  const answer = ask();
  await expect.poll(() => finish.length, LIMIT).toBe(1);

  relay.kill('SIGTERM');
  await expect.poll(async () => (await probe('/readyz'))?.body, LIMIT).toEqual({ ready: false, reason: 'draining' });
  finish[0]!();

  expect((await relay.ended).code).toBe(0);
  expect((await answer).json()).toEqual(PLACED);
});

it('loses none of 1,500 requests when one of two relays gets a SIGTERM', async () => {
  const answer: Answer = (items, response) => setTimeout(() => place(items, response, response.req), 20);
  const { nats, target, nc, relay } = await startAll(answer);
  const port = await freePort();
  const addresses = { NATS_URL: nats.url, ALLOCATOR_URL: target.url, PORT: String(port) };
  const other = startProcess([], addresses);
  cleanups.push(() => other.kill('SIGKILL'));
  await expect.poll(() => other.output(), LIMIT).toContain('nats_subscribed');

  // Callers that wait long: it is loss that is looked for, and not slowness on a crowded machine.
  const fields = headers();
  fields.set('Timeout-Ms', '10000');
  const answers: Promise<unknown>[] = [];
  for (let i = 0; i < 1500; i += 1) {
    const request = nc.request(SUBJECT, JSON.stringify({ game_id: `g${i}` }), { timeout: 15_000, headers: fields });
    answers.push(request.then((message) => message.json()));
    if (i === 500) relay.kill('SIGTERM');
    if (i % 5 === 0) await pause(2);
  }

  expect((await Promise.all(answers)).filter((body) => !(body as typeof PLACED).success)).toEqual([]);
  const { code, output } = await relay.ended;
  expect(code).toBe(0);
  expect(output).toContain('stopped');
  other.kill('SIGTERM');
  expect((await other.ended).code).toBe(0);
});

it('stops at a SIGTERM while NATS was never there', async () => {
  const port = await freePort();
  const natsPort = await freePort();
  const relay = startProcess([], {
    NATS_URL: `nats://127.0.0.1:${natsPort}`,
    ALLOCATOR_URL: 'http://127.0.0.1:1/batch',
    PORT: String(port),
  });
  await expect.poll(() => relay.output(), LIMIT).toContain('started');
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(503);

  relay.kill('SIGTERM');

  expect((await relay.ended).code).toBe(0);
});

it('stops at a SIGTERM while NATS is gone, and says how many replies that has cost', async () => {
  const finish: (() => void)[] = [];
  const { nats, relay, nc, probe } = await startAll((_items, response) =>
    finish.push(() => respond(response, [PLACED])),
  );
  const fields = headers();
  fields.set('Timeout-Ms', '10000');
  nc.publish(SUBJECT, REQUEST, { reply: 'nowhere', headers: fields });
  await expect.poll(() => finish.length, LIMIT).toBe(1);
  nats.signal('SIGKILL');
  await expect.poll(async () => (await probe('/readyz'))?.status, LIMIT).toBe(503);

  relay.kill('SIGTERM');
  await expect.poll(() => relay.output(), LIMIT).toContain('stopping');
  finish[0]!();

  const { code, output } = await relay.ended;
  expect(code).toBe(0);
  expect(output).toMatch(/stopped received=1 lost_replies=1/);
});

it('refuses what is over its rate at once, and says so in its figures', async () => {
  let asked = 0;
  const { nc, probe } = await startAll(
    (items, response, request) => {
      asked += items.length;
      place(items, response, request);
    },
    { RATE_LIMIT_PER_S: '0.001', RATE_LIMIT_BURST: '5' },
  );

  const bodies = await Promise.all(
    Array.from({ length: 40 }, async () => (await nc.request(SUBJECT, REQUEST, { timeout: 5000 })).json()),
  );

  expect(bodies.filter((body) => (body as { success: boolean }).success)).toHaveLength(5);
  expect(bodies.filter((body) => (body as { code?: string }).code === 'overloaded')).toHaveLength(35);
  expect(asked).toBe(5);
  expect((await probe('/health'))?.body).toMatchObject({ rate_limited: 35, failed: { overloaded: 35 } });
});

it('exits at once at a second signal', async () => {
  const { relay, nc, probe } = await startAll(() => undefined);
  // A caller that waits for ten seconds.
  const fields = headers();
  fields.set('Timeout-Ms', '10000');
  nc.publish(SUBJECT, REQUEST, { headers: fields });
  await expect.poll(async () => (await probe('/health'))?.body['in_flight'], LIMIT).toBe(1);

  relay.kill('SIGINT');
  await expect.poll(() => relay.output(), LIMIT).toContain('stopping');
  relay.kill('SIGTERM');

  expect((await relay.ended).code).toBe(1);
});

it('answers in time with upstream_unavailable when the function is gone, and is well again when it is back', async () => {
  const { target, ask, probe } = await startAll(place);
  expect((await ask()).json()).toEqual(PLACED);
  target.stop();

  const answer = await ask();

  // The code says that it was in time: at the deadline it would be another.
  expect(answer.json()).toMatchObject({ success: false, code: 'upstream_unavailable', retryable: true });
  expect(answer.headers?.get('Nats-Service-Error-Code')).toBe('503');
  const failures = (await probe('/health'))?.body['upstream_failures'] as Record<string, number>;
  expect(failures['connect']! + failures['reset']!).toBeGreaterThan(0);
  expect((await probe('/readyz'))?.status).toBe(200);
  await target.start();
  expect((await ask()).json()).toEqual(PLACED);
});

it('answers deadline_exceeded when the function hangs', async () => {
  const { ask } = await startAll(() => undefined);

  const asked = performance.now();
  const answer = await ask();
  const tookMs = performance.now() - asked;

  expect(answer.json()).toMatchObject({ success: false, code: 'deadline_exceeded', retryable: true });
  expect(tookMs).toBeGreaterThan(440);
});

it('is not ready while NATS is gone, and answers again without a restart', async () => {
  const { nats, ask, probe } = await startAll(place);

  nats.signal('SIGKILL');
  await expect
    .poll(async () => (await probe('/readyz'))?.body, LIMIT)
    .toEqual({ ready: false, reason: 'not_connected' });
  expect((await probe('/livez'))?.status).toBe(200);
  await nats.restart();
  await expect.poll(async () => (await probe('/readyz'))?.status, LIMIT).toBe(200);

  await expect.poll(async () => (await ask()).json(), LIMIT).toEqual(PLACED);
});
