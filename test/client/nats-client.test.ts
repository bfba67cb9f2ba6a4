import { connect, headers, type Msg, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, expectTypeOf, it, onTestFinished } from 'vitest';
import { startNats } from '../../dev/servers/nats.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import type { AssignRequest } from '../../lib/api/assign-request.ts';
import type { AssignSettings } from '../../lib/client/assign-settings.ts';
import { createNatsClient } from '../../lib/client/nats-client.ts';

const USERS = `authorization { users: [
  { user: anybody, password: a }
  { user: nobody, password: a, permissions: { publish: { deny: ["game.>"] } } }
] }`;
let server: RunningServer;
let connection: NatsConnection;
let relay: NatsConnection;

beforeAll(async () => {
  server = await startNats({ config: USERS });
  [connection, relay] = await Promise.all([connectAs('anybody'), connectAs('anybody')]);
});
afterAll(async () => {
  await Promise.all([connection?.close(), relay?.close()]);
  await server?.stop();
});

function connectAs(user: string): Promise<NatsConnection> {
  return connect({ servers: server.url, user, pass: 'a', reconnect: false });
}

/** Listens on `subject` for this test, as `answer` says; resolves to the messages, as they come. */
async function listen(subject: string, answer: (message: Msg) => void): Promise<Msg[]> {
  const messages: Msg[] = [];
  const subscription = relay.subscribe(subject, {
    callback: (_error, message) => {
      messages.push(message);
      answer(message);
    },
  });
  onTestFinished(() => subscription.unsubscribe());
  await relay.flush();
  return messages;
}

const patient = { timeoutMs: 10_000 };

it('sends the request as the contract has it, and gives the reply as it came', async () => {
  const reply = { success: true, instance_id: '10.0.0.1', port: 5002, of_a_newer_version: 1 };
  const messages = await listen('game.assign.request', (message) => message.respond(JSON.stringify(reply)));
  const client = createNatsClient({ connection, headers, ...patient });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  const answer = await client.assign('ё/"game"', { resource_level: 'high', require: { gpu: true } }, { traceparent });

  expect(answer).toEqual(reply);
  expect(messages.map((message) => message.json())).toEqual([
    { game_id: 'ё/"game"', settings: { resource_level: 'high', require: { gpu: true } } },
  ]);
  expect(messages[0]?.headers?.get('Timeout-Ms')).toBe('10000');
  expect(messages[0]?.headers?.get('traceparent')).toBe(traceparent);
});

it('asks on the subjects that it is told, and else on the default ones', async () => {
  const renewed = await listen('chat.renew', (message) => message.respond('{"success":true,"instance_id":"a"}'));
  const released = await listen('game.release.request', (message) => message.respond('{"success":true}'));
  const client = createNatsClient({ connection, headers, ...patient, subjects: { renew: 'chat.renew' } });

  expect(await client.renew('a')).toEqual({ success: true, instance_id: 'a' });
  expect(await client.release('a')).toEqual({ success: true });
  expect([renewed.length, released.length]).toEqual([1, 1]);
});

it("gives the allocator's failures as they came", async () => {
  const failure = { success: false, code: 'no_capacity', message: 'Full.', retryable: true };
  await listen('game.assign.request', (message) => message.respond(JSON.stringify(failure)));

  expect(await createNatsClient({ connection, headers, ...patient }).assign('a')).toEqual(failure);
});

it('says that no relay listens, without waiting for one', async () => {
  const client = createNatsClient({ connection, headers, ...patient, retry: false });

  expect(await client.lookup('a')).toEqual({
    success: false,
    code: 'upstream_unavailable',
    retryable: true,
    message: 'No relay listens on game.lookup.request.',
    cause: expect.objectContaining({ name: expect.stringMatching(/Request|NoResponders/) }),
  });
});

it('finds the relay that is back when it asks again', async () => {
  // The first one of a pair of requests is answered as by a relay that is just going away.
  let asked = 0;
  await listen('game.lookup.request', (message) => {
    asked += 1;
    if (asked === 1) message.respond('', { headers: noResponders() });
    else message.respond('{"success":true,"instance_id":"a"}');
  });

  const answer = await createNatsClient({ connection, headers, ...patient }).lookup('a');

  expect(answer).toEqual({ success: true, instance_id: 'a' });
  expect(asked).toBe(2);
});

function noResponders() {
  return headers(503, 'No Responders');
}

it('says that nobody answered in time', async () => {
  await listen('game.assign.request', () => undefined);
  const client = createNatsClient({ connection, headers, timeoutMs: 100 });

  expect(await client.assign('a')).toMatchObject({
    code: 'deadline_exceeded',
    retryable: true,
    message: expect.stringMatching(/^No answer within 100 ms; whether it was done is unknown/),
    cause: expect.any(Error),
  });
});

it.each([
  'not JSON',
  '',
  'null',
  '[]',
  '{}',
  '{"success":"yes","instance_id":"a"}',
  '{"success":true}',
  '{"success":false,"message":"No code."}',
])('takes %j for no answer of the allocator', async (text) => {
  await listen('game.assign.request', (message) => message.respond(text));

  expect(await createNatsClient({ connection, headers, ...patient, retry: false }).assign('a')).toMatchObject({
    success: false,
    code: 'upstream_unavailable',
    message: 'What answers on game.assign.request is not the allocator.',
    cause: expect.any(Error),
  });
});

it('says that NATS does not let it ask', async () => {
  await listen('game.assign.request', (message) => message.respond('{"success":true,"instance_id":"a"}'));
  const other = await connectAs('nobody');
  onTestFinished(() => other.close());

  expect(await createNatsClient({ connection: other, headers, ...patient }).assign('a')).toMatchObject({
    code: 'unauthorised',
    retryable: false,
    message: 'NATS does not let this connection ask on game.assign.request.',
  });
});

it('says that the connection is closed', async () => {
  const other = await connectAs('anybody');
  await other.close();

  expect(await createNatsClient({ connection: other, headers, ...patient }).assign('a')).toMatchObject({
    code: 'upstream_unavailable',
    message: expect.stringMatching(/^NATS could not be asked: /),
  });
});

it.each([
  { code: '503', becomes: 'upstream_unavailable' },
  { code: 'TIMEOUT', becomes: 'deadline_exceeded' },
  { code: 'PERMISSIONS_VIOLATION', becomes: 'unauthorised' },
])('understands the error $code of nats 2.x', async ({ code, becomes }) => {
  const request = () => Promise.reject(Object.assign(new Error('it says'), { name: 'NatsError', code }));
  const client = createNatsClient({ connection: { request }, headers: () => new Map<string, string>(), retry: false });

  expect(await client.assign('a')).toMatchObject({ code: becomes, cause: { code } });
});

it('takes the settings that the allocator takes', () => {
  expectTypeOf<AssignSettings>().toEqualTypeOf<Readonly<NonNullable<AssignRequest['settings']>>>();
});
