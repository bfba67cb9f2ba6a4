import { connect, headers, type NatsConnection } from 'nats';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { freePort } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { FAILURES } from '../../lib/api/outcomes.ts';
import { respond, startFunction, startProcess } from '../functions/relay-process.ts';
import { FOREIGN, FUNCTION_CASES, type FunctionAnswer, PLACED } from './function-cases.ts';
import { expectNothingLeaked } from './no-leak.ts';

const PATIENT_MS = '4000';
const SUBJECT = 'game.assign.request';

let natsServer: RunningServer;
let nats: NatsConnection;
let relay: ReturnType<typeof startProcess>;
let standIn: Awaited<ReturnType<typeof startFunction>>;
let answer: FunctionAnswer;
let calls = 0;

beforeAll(async () => {
  natsServer = await startNats();
  standIn = await startFunction((items, response) => {
    calls += 1;
    answer(
      response,
      (items as { attempt: string }[]).map(({ attempt }) => attempt),
    );
  });
  relay = startProcess([], {
    NATS_URL: natsServer.url,
    PORT: String(await freePort()),
    ALLOCATOR_URL: standIn.url,
    ALLOCATOR_TOKEN: 'canary-token',
    KEEP_WARM: '0',
  });
  await vi.waitFor(() => expect(relay.output()).toContain('nats_subscribed'), { timeout: 20_000 });
  nats = await connect({ servers: natsServer.url });
});
afterAll(async () => {
  await nats?.close();
  relay?.kill('SIGTERM');
  const ended = await relay?.ended;
  standIn?.stop();
  await natsServer?.stop();
  expect(ended).toMatchObject({ code: 0 });
  expect(ended.output).not.toMatch(/foreign-text|canary|unhandled/);
});

/** The process lives, and what is answered well gets through. */
afterEach(async () => {
  answer = (response) => respond(response, [PLACED]);
  expect((await ask()).json).toEqual(PLACED);
  answer = (response, attempts) => response.end(JSON.stringify({ v: 1, items: [PLACED], attempts }));
  expect((await ask()).json).toEqual(PLACED);
});

async function ask() {
  const said = headers();
  said.set('Timeout-Ms', PATIENT_MS);
  const payload = JSON.stringify({ game_id: crypto.randomUUID() });
  const message = await nats.request(SUBJECT, payload, { timeout: 6000, headers: said });
  expectNothingLeaked(message.string(), [FOREIGN, 'canary']);
  return { json: message.json<Record<string, unknown>>(), status: message.headers?.get('Nats-Service-Error-Code') };
}

it.each(FUNCTION_CASES)('$name', async ({ wrong }) => {
  for (const { answer: wrongAnswer, code, calls: expectedCalls } of wrong) {
    answer = wrongAnswer;
    calls = 0;

    const { json, status } = await ask();

    const { message, retryable } = FAILURES[code];
    expect(json).toEqual({ success: false, code, message, retryable });
    expect(status).toBe(String(FAILURES[code].status));
    expect(calls).toBe(expectedCalls);
  }
});
