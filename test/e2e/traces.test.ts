import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, headers, type NatsConnection } from 'nats';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createSecret } from '../../dev/stack/create-secret.ts';
import { startRelay } from '../../dev/stack/start-parts.ts';
import { type ProxiedStack, startProxiedStack } from '../faults/placement-stack.ts';
import { PASS } from '../support/http-fault-proxy.ts';
import { PATIENT_TIMEOUT_MS } from './load.ts';

const PATIENT = { timeout: 20_000, interval: 50 };
const LOUD = { LOG_LEVEL: 'DEBUG', LOG_FORMAT: 'json' };
/** Old at once: every request that needs a view of the fleet asks for a new one. */
const FRESH_MS = '1';

let proxied: ProxiedStack;
let nats: NatsConnection;
/** The headers of what came to each upstream, as the proxy before it took them. */
const received: { readonly upstream: string; readonly traceparent: unknown; readonly tracestate: unknown }[] = [];

beforeAll(async () => {
  proxied = await startProxiedStack({
    instances: 2,
    functions: { maxEnvironments: 1, provisioned: { batch: 1, assign: 1 } },
    functionEnv: { ...LOUD, FLEET_FRESH_MS: FRESH_MS },
    relayEnv: { ...LOUD, KEEP_WARM: '0' },
  });
  nats = await connect({ servers: proxied.stack.addresses.natsUrl });
});
afterAll(async () => {
  await nats?.close();
  await proxied?.stop();
});
beforeEach(() => {
  received.length = 0;
  for (const [upstream, proxy] of Object.entries(proxied.proxies)) {
    proxy.set(({ headers: { traceparent, tracestate } }) => {
      received.push({ upstream, traceparent, tracestate });
      return PASS;
    });
  }
});

interface Sent {
  readonly id: string;
  readonly traceparent: string;
}

function newTrace(): Sent {
  const id = randomBytes(16).toString('hex');
  return { id, traceparent: `00-${id}-${randomBytes(8).toString('hex')}-01` };
}

async function askOverNats(subject: string, request: unknown, { traceparent }: Sent) {
  const said = headers();
  said.set('Timeout-Ms', String(PATIENT_TIMEOUT_MS));
  said.set('traceparent', traceparent);
  said.set('tracestate', 'test=1');
  const options = { timeout: PATIENT_TIMEOUT_MS + 2000, headers: said };
  const message = await nats.request(subject, JSON.stringify(request), options);
  return { reply: message.json<{ success: boolean; code?: string }>(), headers: message.headers };
}

async function post(path: string, request: unknown, trace: Partial<Sent> = {}) {
  const { assignUrl, assignToken } = proxied.stack.addresses;
  const answer = await fetch(new URL(path, assignUrl), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${assignToken}`,
      'timeout-ms': String(PATIENT_TIMEOUT_MS),
      ...(trace.traceparent !== undefined && { traceparent: trace.traceparent }),
    },
    body: JSON.stringify(request),
  });
  return { status: answer.status, headers: answer.headers, reply: (await answer.json()) as { items?: unknown[] } };
}

/** The lines of a log that have the trace id, once there is one of the `event`. */
async function linesOf(logFile: string, id: string, event = 'request_answered') {
  const read = async () =>
    (await readFile(logFile, 'utf8'))
      .split('\n')
      .filter((line) => line.includes(id))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  await expect.poll(async () => (await read()).map((line) => line['event']), PATIENT).toContain(event);
  return read();
}

const newGame = () => ({ game_id: crypto.randomUUID() });
const upstreamsOf = ({ traceparent }: Sent) =>
  new Set(received.filter((request) => request.traceparent === traceparent).map(({ upstream }) => upstream));
const ALL = new Set(['upstash', 'consul', 'prometheus']);

it('one trace id is in the reply, in both logs and in every upstream request, over NATS', async () => {
  const trace = newTrace();

  // What is taken for the view may have been asked for a moment before: then the next one asks.
  await expect
    .poll(async () => {
      const { reply, headers: answered } = await askOverNats('game.assign.request', newGame(), trace);
      expect([reply.success, answered?.get('traceparent')]).toEqual([true, trace.traceparent]);
      return upstreamsOf(trace);
    }, PATIENT)
    .toEqual(ALL);

  const { relay, functions } = proxied.stack;
  for (const log of [relay.logFile, functions.logFile]) {
    const lines = await linesOf(log, trace.id);
    const told = { event: 'request_answered', op: 'assign', outcome: 'success', trace: trace.id };
    expect(lines).toContainEqual(expect.objectContaining(told));
    // The id alone, and in its own field.
    expect(JSON.stringify(lines)).not.toContain(trace.traceparent);
    expect(lines.map((line) => line['trace'])).toEqual(lines.map(() => trace.id));
  }
  const states = received.filter(({ traceparent }) => traceparent === trace.traceparent);
  expect(new Set(states.map(({ tracestate }) => tracestate))).toEqual(new Set(['test=1']));
});

it('the same over HTTPS', async () => {
  const trace = newTrace();

  await expect
    .poll(async () => {
      const answer = await post('/assign', newGame(), trace);
      expect([answer.status, answer.headers.get('traceparent')]).toEqual([200, trace.traceparent]);
      return upstreamsOf(trace);
    }, PATIENT)
    .toEqual(ALL);

  const lines = await linesOf(proxied.stack.functions.logFile, trace.id);
  expect(lines).toContainEqual(expect.objectContaining({ op: 'assign', outcome: 'success', trace: trace.id }));
});

it('a batch of several traces tells of each, and asks in the first one', async () => {
  const traces = [newTrace(), newTrace(), newTrace()] as const;
  const item = (traceparent?: string) => ({ op: 'assign', request: newGame(), budget_ms: 5000, traceparent });
  const items = [item(), ...traces.map(({ traceparent }) => item(traceparent))];

  await expect
    .poll(async () => {
      const { reply } = await post('/batch', { v: 1, items });
      expect(reply.items).toMatchObject(items.map(() => ({ success: true })));
      return upstreamsOf(traces[0]);
    }, PATIENT)
    .toEqual(ALL);

  expect(received.filter(({ traceparent }) => traceparent !== undefined)).toEqual(
    received.filter(({ traceparent }) => traceparent === traces[0].traceparent),
  );
  for (const { id } of traces) {
    const lines = await linesOf(proxied.stack.functions.logFile, id);
    expect(lines).toContainEqual(expect.objectContaining({ op: 'assign', outcome: 'success', trace: id }));
  }
});

it('what is said of a failure carries the trace too', async () => {
  const { proxies, stack } = proxied;
  const refused = newTrace();
  const unavailable = newTrace();
  const unauthorised = newTrace();

  const first = await askOverNats('game.assign.request', { game_id: 1 }, refused);
  proxies.upstash.set({ kind: 'answer', status: 503, body: 'no' });
  const second = await askOverNats('game.assign.request', newGame(), unavailable);
  const third = await fetch(stack.addresses.assignUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${createSecret('a wrong token')}`, traceparent: unauthorised.traceparent },
  });

  expect(first).toMatchObject({ reply: { code: 'invalid_request' } });
  expect(second).toMatchObject({ reply: { code: 'upstream_unavailable' } });
  for (const [{ headers: answered }, { traceparent }, status] of [
    [first, refused, '400'],
    [second, unavailable, '503'],
  ] as const) {
    expect([answered?.get('traceparent'), answered?.get('Nats-Service-Error-Code')]).toEqual([traceparent, status]);
  }
  expect([third.status, third.headers.get('traceparent')]).toEqual([401, unauthorised.traceparent]);
  expect(await linesOf(stack.relay.logFile, refused.id)).toMatchObject([{ outcome: 'invalid_request' }]);
  const failed = await linesOf(stack.functions.logFile, unavailable.id);
  expect(failed).toContainEqual(
    expect.objectContaining({ event: 'placement_failed', level: 'WARNING', trace: unavailable.id }),
  );
  expect(await linesOf(stack.functions.logFile, unauthorised.id, 'request_refused')).toMatchObject([
    { outcome: 'unauthorised', trace: unauthorised.id },
  ]);
});

it('a relay that decides by itself does the same', async () => {
  const { stack, proxies } = proxied;
  const relay = await startRelay({
    ...LOUD,
    NATS_URL: stack.addresses.natsUrl,
    ASSIGN_SUBJECT: 'own.assign.request',
    CONSUL_URL: proxies.consul.url,
    PROMETHEUS_URL: proxies.prometheus.url,
    UPSTASH_REDIS_REST_URL: proxies.upstash.url,
    UPSTASH_REDIS_REST_TOKEN: stack.addresses.upstashToken,
  });
  try {
    const trace = newTrace();
    const { reply } = await askOverNats('own.assign.request', newGame(), trace);

    expect(reply).toMatchObject({ success: true });
    expect(upstreamsOf(trace)).toEqual(ALL);
    expect(await linesOf(relay.logFile, trace.id)).toContainEqual(expect.objectContaining({ outcome: 'success' }));
  } finally {
    await relay.stop();
  }
});
