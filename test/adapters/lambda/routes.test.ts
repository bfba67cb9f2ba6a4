import { expect, it, onTestFinished, vi } from 'vitest';
import { createHandler, type HttpAnswer, type Route } from '../../../lib/adapters/lambda/create-handler.ts';
import {
  assignRoute,
  batchRoute,
  consoleRoute,
  fleetRoute,
  gamesRoute,
  healthRoute,
  servicesRoute,
} from '../../../lib/adapters/lambda/routes.ts';
import type { Allocate } from '../../../lib/api/allocate.ts';
import type { BatchItem } from '../../../lib/api/batch.ts';
import { failureReply, type Reply } from '../../../lib/api/outcomes.ts';
import { fakeLog, type HttpEventOptions, httpEvent, lambdaContext, NOW_MS } from '../../support/fakes.ts';

const REPLY: Reply = { success: true, instance_id: '10.0.0.3', port: 5002 };

function fakeAllocate(answer: (item: BatchItem) => Reply = () => REPLY) {
  const calls: (readonly BatchItem[])[] = [];
  const allocate: Allocate = (items) => {
    calls.push(items);
    return Promise.resolve(items.map(answer));
  };
  return { allocate, calls };
}

async function ask(route: Route, event: HttpEventOptions) {
  const options = { authorise: async () => undefined, clock: () => NOW_MS, log: fakeLog() };
  const { statusCode, body } = (await createHandler(route, options)(httpEvent(event), lambdaContext())) as HttpAnswer;
  return { statusCode, body: JSON.parse(body) };
}

it('POST /assign passes the request on with its budget', async () => {
  const { allocate, calls } = fakeAllocate();
  const event = { body: '{"game_id":"a","x":1}', headers: { 'timeout-ms': '300' }, timeEpoch: NOW_MS - 35 };

  expect(await ask(assignRoute(allocate), event)).toEqual({ statusCode: 200, body: REPLY });

  expect(calls).toEqual([[{ op: 'assign', request: { game_id: 'a', x: 1 }, budget_ms: 200 }]]);
});

it('POST /assign answers a failure with its status', async () => {
  const { allocate } = fakeAllocate(() => failureReply({ code: 'conflict' }));

  expect(await ask(assignRoute(allocate), { body: '{}' })).toMatchObject({
    statusCode: 409,
    body: { success: false, code: 'conflict' },
  });
});

it('POST /assign never passes on a budget below 0', async () => {
  const { allocate, calls } = fakeAllocate();
  let nowMs = NOW_MS;
  const options = {
    authorise: async () => {
      nowMs += 1000;
      return undefined;
    },
    clock: () => nowMs,
    log: fakeLog(),
  };

  await createHandler(assignRoute(allocate), options)(httpEvent({ body: '{}' }), lambdaContext());

  expect(calls[0]?.[0]?.budget_ms).toBe(0);
});

it('POST /assign answers when nothing came back', async () => {
  const answer = await ask(
    assignRoute(() => Promise.resolve([])),
    { body: '{}' },
  );

  expect(answer).toMatchObject({ statusCode: 504, body: { code: 'deadline_exceeded' } });
});

it.each([
  [assignRoute, 16 * 1024],
  [batchRoute, 1024 * 1024],
])('%o takes at most its number of bytes', async (route, bytes) => {
  const { allocate, calls } = fakeAllocate();

  expect(await ask(route(allocate), { body: `"${'x'.repeat(bytes - 1)}"` })).toMatchObject({
    statusCode: 413,
    body: { message: `The request must have at most ${bytes} bytes.` },
  });
  expect((await ask(route(allocate), { body: `"${'x'.repeat(bytes - 2)}"` })).statusCode).not.toBe(413);
  expect(calls.length).toBe(route === assignRoute ? 1 : 0);
});

it('POST /batch answers 200 with a reply per item, in order, whatever becomes of them', async () => {
  const { allocate } = fakeAllocate(({ op }) => (op === 'assign' ? REPLY : failureReply({ code: 'conflict' })));
  const items = [
    { op: 'x', request: {} },
    { op: 'assign', request: {} },
  ];

  expect(await ask(batchRoute(allocate), { body: JSON.stringify({ v: 1, items }) })).toEqual({
    statusCode: 200,
    body: { v: 1, items: [failureReply({ code: 'conflict' }), REPLY] },
  });
});

it('POST /batch tells whose attempts it answers, in order, and nothing where nobody said', async () => {
  const { allocate } = fakeAllocate();
  const attemptsOf = async (...attempts: (string | undefined)[]) => {
    const items = attempts.map((attempt) => ({ op: 'assign', request: {}, attempt }));
    return (await ask(batchRoute(allocate), { body: JSON.stringify({ v: 1, items }) })).body.attempts;
  };

  expect(await attemptsOf('a', undefined, 'b')).toEqual(['a', null, 'b']);
  expect(await attemptsOf(undefined)).toBeUndefined();
});

it('POST /batch tells whose warming calls it answers', async () => {
  const { allocate } = fakeAllocate();
  const items = [{ op: 'warm', request: {}, attempt: 'w' }];

  expect(await ask(batchRoute(allocate), { body: JSON.stringify({ v: 1, items }) })).toEqual({
    statusCode: 200,
    body: { v: 1, items: [{ success: true }], attempts: ['w'] },
  });
});

it('POST /batch takes the time on the way off the budget of each item', async () => {
  const { allocate, calls } = fakeAllocate();
  const item = { op: 'assign', request: { game_id: 'a' } };
  const items = [{ ...item, budget_ms: 430, attempt: 'x', traceparent: 'y' }, item, { ...item, budget_ms: 20 }];

  // Timeout-Ms is not for batches: each item says its own.
  const event = { body: JSON.stringify({ v: 1, items }), headers: { 'timeout-ms': '100' }, timeEpoch: NOW_MS - 30 };
  await ask(batchRoute(allocate), event);

  expect(calls).toEqual([
    [
      { ...item, budget_ms: 400, attempt: 'x', traceparent: 'y' },
      { ...item, budget_ms: 405 },
      { ...item, budget_ms: 0 },
    ],
  ]);
});

it.each([
  [{ hold_ms: 50 }, 50],
  [{ hold_ms: 60_000 }, 100],
  [{ hold_ms: 'x' }, 0],
  [{}, 0],
])('POST /batch holds its environment for a warming call of %j for %d ms, and asks nobody', async (request, ms) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { allocate, calls } = fakeAllocate();
  let answer: unknown;

  const asking = ask(batchRoute(allocate), { body: JSON.stringify({ v: 1, items: [{ op: 'warm', request }] }) });
  void asking.then((value) => (answer = value));
  await vi.advanceTimersByTimeAsync(Math.max(0, ms - 1));
  if (ms > 0) expect(answer).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2);

  expect(await asking).toEqual({ statusCode: 200, body: { v: 1, items: [{ success: true }] } });
  expect(calls).toEqual([]);
});

it('POST /batch tells an item of its own that a warming one among others is not known', async () => {
  const { allocate, calls } = fakeAllocate();
  const items = ['warm', 'assign'].map((op) => ({ op, request: {} }));

  await ask(batchRoute(allocate), { body: JSON.stringify({ v: 1, items }) });

  expect(calls[0]).toHaveLength(2);
});

it.each(['null', '{}', '{"v":2,"items":[]}', '{"v":1,"items":[{}]}'])(
  'POST /batch refuses %s as a whole',
  async (body) => {
    const { allocate, calls } = fakeAllocate();

    expect(await ask(batchRoute(allocate), { body })).toMatchObject({
      statusCode: 400,
      body: { success: false, code: 'invalid_request' },
    });
    expect(calls).toEqual([]);
  },
);

it.each([
  ['GET /games/{game_id}', 'lookup'],
  ['POST /games/{game_id}/renew', 'renew'],
  ['DELETE /games/{game_id}', 'release'],
])('%s asks for %s of the game in its path, as it stands there decoded', async (routeKey, op) => {
  const { allocate, calls } = fakeAllocate();
  const pathParameters = { game_id: 'ё/1%41' };
  const event = { routeKey, pathParameters, headers: { 'timeout-ms': '300' }, timeEpoch: NOW_MS - 35 };

  expect(await ask(gamesRoute(allocate), event)).toEqual({ statusCode: 200, body: REPLY });
  expect(calls).toEqual([[{ op, request: { game_id: 'ё/1%41' }, budget_ms: 200 }]]);
});

it('GET /games/{game_id} answers with the status of its failure', async () => {
  const { allocate } = fakeAllocate(() => failureReply({ code: 'not_found', message: 'No.' }));
  const event = { routeKey: 'GET /games/{game_id}', pathParameters: { game_id: 'a' } };

  expect(await ask(gamesRoute(allocate), event)).toMatchObject({ statusCode: 404, body: { message: 'No.' } });
});

it('POST /services/{service}/instance asks the service in its path, with a body or without', async () => {
  const { allocate, calls } = fakeAllocate();
  const event = { routeKey: 'POST /services/{service}/instance', pathParameters: { service: 'ai-service' } };

  await ask(servicesRoute(allocate), event);
  await ask(servicesRoute(allocate), { ...event, body: '{"resource_type":"ram"}' });

  const item = { op: 'instance', service: 'ai-service', budget_ms: 435 };
  expect(calls).toEqual([[{ ...item, request: {} }], [{ ...item, request: { resource_type: 'ram' } }]]);
});

it('POST /services/{service}/instance refuses a body that is no JSON, or too large', async () => {
  const { allocate, calls } = fakeAllocate();
  const event = { routeKey: 'POST /services/{service}/instance', pathParameters: { service: 'ai-service' } };

  expect(await ask(servicesRoute(allocate), { ...event, body: '{' })).toMatchObject({ statusCode: 400 });
  expect(await ask(servicesRoute(allocate), { ...event, body: ' '.repeat(16_385) })).toMatchObject({ statusCode: 413 });
  expect(calls).toEqual([]);
});

it('GET /services/{service}/instances asks for all of the service in its path', async () => {
  const { allocate, calls } = fakeAllocate();
  const event = { routeKey: 'GET /services/{service}/instances', pathParameters: { service: 'other' } };

  await ask(servicesRoute(allocate), event);

  expect(calls).toEqual([[{ op: 'instances', service: 'other', request: {}, budget_ms: 435 }]]);
});

it.each([gamesRoute, servicesRoute, fleetRoute])(
  '%o finds nothing at another address, nor in a plain invoke',
  async (route) => {
    const { allocate, calls } = fakeAllocate();

    expect(await ask(route(allocate), { routeKey: 'PUT /elsewhere' })).toMatchObject({ statusCode: 404 });
    const options = { authorise: async () => undefined, clock: () => NOW_MS, log: fakeLog() };
    const invoked = await createHandler(route(allocate), options)({ game_id: 'a' }, lambdaContext());
    expect(invoked).toMatchObject({ success: false, code: 'not_found' });
    expect(calls).toEqual([]);
  },
);

it('POST /assign refuses a request without a body', async () => {
  const { allocate } = fakeAllocate();

  expect(await ask(assignRoute(allocate), {})).toMatchObject({ statusCode: 400, body: { code: 'invalid_request' } });
});

it('GET /health answers anybody, and tells no more than its name', async () => {
  const authorise = () => Promise.resolve({ code: 'unauthorised' } as const);
  const handler = createHandler(healthRoute('ours'), { authorise, clock: () => NOW_MS, log: fakeLog() });

  expect(await handler(httpEvent(), lambdaContext())).toMatchObject({
    statusCode: 200,
    body: '{"status":"ok","service":"ours"}',
  });
});

it.each([
  ['GET /fleet', undefined, { op: 'fleet', request: {} }],
  ['POST /fleet/explain', '{"game_id":"a","x":1}', { op: 'explain', request: { game_id: 'a', x: 1 } }],
])('%s asks the first service', async (routeKey, body, item) => {
  const { allocate, calls } = fakeAllocate();
  const event = { routeKey, headers: { 'timeout-ms': '300' }, ...(body && { body }) };

  expect(await ask(fleetRoute(allocate), event)).toEqual({ statusCode: 200, body: REPLY });
  expect(calls).toEqual([[{ ...item, budget_ms: 235 }]]);
});

it('POST /fleet/explain refuses a body that is no JSON, or too large', async () => {
  const { allocate, calls } = fakeAllocate();
  const event = { routeKey: 'POST /fleet/explain' };

  expect(await ask(fleetRoute(allocate), { ...event, body: '{' })).toMatchObject({ statusCode: 400 });
  expect(await ask(fleetRoute(allocate), { ...event, body: ' '.repeat(16_385) })).toMatchObject({ statusCode: 413 });
  expect(calls).toEqual([]);
});

it('GET / gives anybody the page, as it is and with its headers', async () => {
  const authorise = () => Promise.resolve({ code: 'unauthorised' } as const);
  const page = { html: '<p>ё</p>', headers: { 'content-security-policy': "default-src 'none'" } };
  const handler = createHandler(consoleRoute(page), { authorise, clock: () => NOW_MS, log: fakeLog() });

  expect(await handler(httpEvent(), lambdaContext())).toEqual({
    statusCode: 200,
    headers: { 'content-type': 'text/html; charset=utf-8', ...page.headers },
    body: page.html,
  });
  expect(await handler(httpEvent({ headers: { 'timeout-ms': 'soon' } }), lambdaContext())).toMatchObject({
    statusCode: 400,
    headers: { 'content-type': 'application/json' },
  });
});
