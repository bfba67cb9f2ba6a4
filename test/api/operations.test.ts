import { expect, it } from 'vitest';
import type { BatchItem } from '../../lib/api/batch.ts';
import { OPS, type Op } from '../../lib/api/op.ts';
import { createAllocate } from '../../lib/api/operations.ts';
import { readReply } from '../../lib/api/reply.ts';
import type { Strategy } from '../../lib/app/placement.ts';
import type { AssignRequest, Outcome, ServiceRequest } from '../../lib/app/service-requests.ts';
import { instance, NOW_MS } from '../support/fakes.ts';
import { noLimit } from '../support/http-server.ts';
import { EXPLAIN_REPLY, EXPLANATION, FLEET_REPLY, REPORT } from '../support/insight.ts';

const ASSIGNED = {
  kind: 'assigned',
  instanceId: '10.0.0.3',
  port: 5002,
  replayed: false,
  reassigned: false,
  degraded: [],
} as const satisfies Outcome;

/** What each kind of request comes to. */
const OUTCOMES: Readonly<Record<ServiceRequest['op'], Outcome>> = {
  assign: ASSIGNED,
  lookup: { kind: 'found', instanceId: '10.0.0.5', expiresInS: undefined },
  renew: { kind: 'found', instanceId: '10.0.0.5', expiresInS: 70 },
  release: { kind: 'released' },
  choose: { kind: 'chosen', instance: instance('10.0.0.4'), degraded: [] },
  list: { kind: 'listed', instances: [], degraded: [] },
  report: { kind: 'reported', report: REPORT },
  explain: { kind: 'explained', explanation: EXPLANATION },
};

/** Carries out `items`; every request is answered with what `answer` says. The second service has no games. */
async function allocate(
  items: readonly BatchItem[],
  answer: (request: ServiceRequest) => Outcome = () => ASSIGNED,
  strategies: readonly Strategy[] = [],
) {
  const asked: (readonly ServiceRequest[])[] = [];
  const askedOthers: (readonly ServiceRequest[])[] = [];
  const serving = (calls: (readonly ServiceRequest[])[]) => (requests: readonly ServiceRequest[]) => {
    calls.push(requests);
    return Promise.resolve(requests.map(answer));
  };
  const run = createAllocate({
    services: [
      { name: 'game-service', hasGames: true, serve: serving(asked) },
      { name: 'ai-service', hasGames: false, serve: serving(askedOthers) },
    ],
    clock: () => NOW_MS,
    strategies,
  });
  return { replies: await run(items, noLimit()), asked, askedOthers };
}

const gameOf = (request: ServiceRequest) => ('gameId' in request ? request.gameId : undefined);

const item = (gameId: unknown, overrides: Partial<BatchItem> = {}): BatchItem => ({
  op: 'assign',
  request: { game_id: gameId },
  ...overrides,
});

it('answers an assigned game with its instance and nothing that is not so', async () => {
  const { replies } = await allocate([item('a')]);

  expect(replies).toEqual([{ success: true, instance_id: '10.0.0.3', port: 5002 }]);
});

it('adds what is so', async () => {
  const { replies } = await allocate([item('a')], () => ({
    ...ASSIGNED,
    port: undefined,
    replayed: true,
    reassigned: true,
    degraded: ['consul'],
  }));

  const added = { replayed: true, reassigned: true, degraded: ['consul'] };
  expect(replies).toEqual([{ success: true, instance_id: '10.0.0.3', ...added }]);
  expect(readReply('assign', replies[0])).toEqual(replies[0]);
  expect(replies[0]).not.toHaveProperty('port');
});

it.each(['conflict', 'no_instance', 'no_capacity', 'upstream_unavailable', 'deadline_exceeded'] as const)(
  'answers %s as a failure without instance_id',
  async (kind) => {
    const { replies } = await allocate([item('a')], () => ({ kind }));

    expect(replies).toMatchObject([{ success: false, code: kind }]);
    expect(replies[0]).not.toHaveProperty('instance_id');
    expect(readReply('assign', replies[0])).toEqual(replies[0]);
  },
);

it('asks for all games at once, with the level, attempt and deadline of each', async () => {
  const high = { game_id: 'b', settings: { resource_level: 'high' } };

  const { asked } = await allocate([
    item('a', { budget_ms: 100, attempt: 'x' }),
    { op: 'assign', request: high, budget_ms: 0, attempt: 'x' },
  ]);

  expect(asked).toEqual([
    [
      { op: 'assign', gameId: 'a', level: 'low', attempt: 'x', deadlineMs: NOW_MS + 100 },
      { op: 'assign', gameId: 'b', level: 'high', attempt: 'x', deadlineMs: NOW_MS },
    ],
  ]);
});

it('without budget_ms gives 435 ms, and without attempt makes each item one of its own', async () => {
  const { asked } = await allocate([item('a'), item('a')]);

  const [first, second] = asked[0] as AssignRequest[];
  expect(first!.deadlineMs).toBe(NOW_MS + 435);
  expect(first!.attempt).not.toBe(second!.attempt);
  expect(first!.attempt.length).toBeGreaterThan(20);
});

it('a bad item fails by itself, and the order is kept', async () => {
  const items = [
    item('a b'),
    item('a'),
    item('x', { op: 'rewind' }),
    { op: 'assign', request: null },
    item('b'),
    item(7),
  ];

  const { replies, asked } = await allocate(items, (request) => ({ ...ASSIGNED, instanceId: `on-${gameOf(request)}` }));

  expect(replies).toMatchObject([
    { code: 'invalid_request', message: 'game_id must not contain white space or control characters.' },
    { instance_id: 'on-a' },
    { code: 'invalid_request', message: 'op is not known.', retryable: false },
    { code: 'invalid_request', message: 'The request must be a JSON object.' },
    { instance_id: 'on-b' },
    { code: 'invalid_request', message: 'game_id must be a string.' },
  ]);
  expect(asked[0]?.map(gameOf)).toEqual(['a', 'b']);
});

it('asks nobody when no item is good', async () => {
  const { replies, asked } = await allocate([item(''), item('a', { op: 'toString' })]);

  expect(replies.map((reply) => reply.success)).toEqual([false, false]);
  expect(asked).toEqual([]);
});

it('answers an item for which nothing came back', async () => {
  const services = [{ name: 'game-service', hasGames: true, serve: () => Promise.resolve([]) }];
  const run = createAllocate({ services, clock: () => NOW_MS, strategies: [] });

  expect(await run([item('a')], noLimit())).toMatchObject([{ code: 'deadline_exceeded', retryable: true }]);
});

async function read(settings: object, strategies: readonly Strategy[] = []): Promise<AssignRequest | undefined> {
  const { asked } = await allocate([{ op: 'assign', request: { game_id: 'a', settings } }], () => ASSIGNED, strategies);
  return asked[0]?.[0] as AssignRequest | undefined;
}

it.each<[object, object]>([
  [{ cpu_cores: 2 }, { expected: { cpuCores: 2, exact: false } }],
  [{ memory_bytes: 1e9, exact: true }, { expected: { memoryBytes: 1e9, exact: true } }],
  [{ cpu_cores: 2, memory_bytes: 1e9, exact: false }, { expected: { cpuCores: 2, memoryBytes: 1e9, exact: false } }],
  [{ exact: true }, {}],
  [
    { require: { zone: 'b', gpu: true } },
    {
      require: [
        ['gpu', true],
        ['zone', 'b'],
      ],
    },
  ],
  [{ prefer: { region: 'eu' } }, { prefer: [['region', 'eu']] }],
  [{ require: {}, prefer: {} }, {}],
])('reads the settings %j', async (settings, wanted) => {
  const plain = { op: 'assign', gameId: 'a', level: 'low', attempt: expect.any(String), deadlineMs: NOW_MS + 435 };

  expect(await read(settings)).toEqual({ ...plain, ...wanted });
});

it('does not lose a requirement by its name', async () => {
  const settings = JSON.parse('{"require":{"constructor":"x","__proto__":"y"}}');

  expect((await read(settings))?.require).toEqual([
    ['__proto__', 'y'],
    ['constructor', 'x'],
  ]);
});

it.each<[Strategy, readonly Strategy[], boolean]>([
  ['pack', ['pack'], true],
  ['spread', ['spread', 'pack'], true],
  ['pack', [], false],
  ['spread', ['pack'], false],
])('lets a request ask for %s where %j are allowed: %s', async (strategy, allowed, granted) => {
  expect((await read({ strategy }, allowed))?.strategy).toBe(granted ? strategy : undefined);

  const asking = { op: 'assign', request: { game_id: 'a', settings: { strategy } } };
  const { replies } = await allocate([asking, item('b')], () => ASSIGNED, allowed);
  const refusal = {
    success: false,
    code: 'invalid_request',
    message: "settings.strategy is not allowed by this allocator's configuration.",
  };
  expect(replies).toMatchObject([granted ? { success: true } : refusal, { success: true }]);
});

it.each([
  ['no_match', { require: { gpu: true } }, 'no_instance', 'No healthy instance matches settings.require.'],
  ['no_instance', { require: { gpu: true } }, 'no_instance', 'No healthy instance is available.'],
  [
    'no_capacity',
    { require: { gpu: true } },
    'no_capacity',
    'Every healthy instance that matches settings.require is full.',
  ],
  ['no_capacity', { prefer: { gpu: true } }, 'no_capacity', 'Every healthy instance is full.'],
  ['too_many_games', {}, 'no_capacity', 'The service has as many games as it may have at once.'],
] as const)('tells of %s with %j: %s, %s', async (kind, settings, code, message) => {
  const asking = { op: 'assign', request: { game_id: 'a', settings } };

  const { replies } = await allocate([asking], () => ({ kind }));

  expect(replies).toEqual([{ success: false, code, message, retryable: true }]);
  expect(readReply('assign', replies[0])).toEqual(replies[0]);
});

it.each([
  ['lookup', { game_id: 'a' }, { op: 'lookup', gameId: 'a', deadlineMs: NOW_MS + 435 }],
  ['renew', { game_id: 'a', x: 1 }, { op: 'renew', gameId: 'a', deadlineMs: NOW_MS + 435 }],
  ['release', { game_id: 'a' }, { op: 'release', gameId: 'a', deadlineMs: NOW_MS + 435 }],
  ['instance', {}, { op: 'choose', level: 'low', deadlineMs: NOW_MS + 435 }],
  ['instance', { resource_type: 'cpu' }, { op: 'choose', level: 'low', deadlineMs: NOW_MS + 435 }],
  ['instance', { resource_type: 'ram' }, { op: 'choose', level: 'high', deadlineMs: NOW_MS + 435 }],
  ['instances', {}, { op: 'list', deadlineMs: NOW_MS + 435 }],
  ['fleet', {}, { op: 'report', deadlineMs: NOW_MS + 435 }],
  [
    'explain',
    { game_id: 'a', settings: { resource_level: 'high', wait_ms: 100, prefer: { gpu: true } } },
    {
      ...{ op: 'explain', gameId: 'a', level: 'high', attempt: expect.any(String), deadlineMs: NOW_MS + 435 },
      prefer: [['gpu', true]],
    },
  ],
])('asks for %s of %j', async (op, request, wanted) => {
  const { asked } = await allocate([{ op, request }]);

  expect(asked).toEqual([[wanted]]);
});

const HOME = { id: 'i-1', address: '10.0.0.3', restPort: 5002, grpcPort: 50_051, status: 'eligible' } as const;
const SIZE = { cpuCores: 4, memoryBytes: 1e9, tags: [], meta: {} };

it.each<[Op, Outcome, object]>([
  ['lookup', { kind: 'found', instanceId: '10.0.0.3', expiresInS: 12 }, { instance_id: '10.0.0.3', expires_in_s: 12 }],
  ['renew', { kind: 'found', instanceId: '10.0.0.3', expiresInS: undefined }, { instance_id: '10.0.0.3' }],
  ['release', { kind: 'released' }, {}],
  [
    'instance',
    { kind: 'chosen', instance: { ...HOME, ...SIZE }, degraded: ['prometheus'] },
    { instance: { address: '10.0.0.3', rest_port: 5002, grpc_port: 50_051 }, degraded: ['prometheus'] },
  ],
  [
    'instances',
    {
      kind: 'listed',
      instances: [
        { ...HOME, ...SIZE },
        { id: '10.0.0.4', status: 'eligible', ...SIZE },
      ],
      degraded: [],
    },
    {
      instances: [
        { address: '10.0.0.3', rest_port: 5002, grpc_port: 50_051 },
        { address: '10.0.0.4', rest_port: 0, grpc_port: 0 },
      ],
    },
  ],
  ['instances', { kind: 'listed', instances: [], degraded: ['consul'] }, { instances: [], degraded: ['consul'] }],
  ['fleet', { kind: 'reported', report: REPORT }, FLEET_REPLY],
  [
    'fleet',
    {
      kind: 'reported',
      report: {
        ...{ serviceName: 'game-service', atMs: NOW_MS, failing: [], instances: [] },
        sources: {
          consul: { state: 'degraded', ageMs: 7.4 },
          prometheus: { state: 'off' },
          redis: { state: 'degraded' },
        },
      },
    },
    {
      ...{ service: 'game-service', at_ms: NOW_MS, degraded: ['consul', 'redis'], failing: [], instances: [] },
      sources: { consul: { state: 'degraded', age_ms: 7 }, prometheus: { state: 'off' }, redis: { state: 'degraded' } },
    },
  ],
  ['explain', { kind: 'explained', explanation: EXPLANATION }, EXPLAIN_REPLY],
])('answers %s with %o', async (op, outcome, wanted) => {
  const { replies } = await allocate([{ op, request: { game_id: 'a' } }], () => outcome);

  expect(replies).toEqual([{ success: true, ...wanted }]);
  expect(readReply(op, replies[0])).toEqual(replies[0]);
});

it('tells who looks up or renews a game that is not there', async () => {
  const { replies } = await allocate([item('a', { op: 'lookup' })], () => ({ kind: 'not_found' }));

  expect(replies).toEqual([
    { success: false, code: 'not_found', message: 'No game with this game_id is assigned.', retryable: false },
  ]);
});

it.each(['lookup', 'renew', 'release'])('%s takes the game_ids that assign takes, and no other', async (op) => {
  for (const request of [
    {},
    { game_id: null },
    { game_id: 7 },
    { game_id: '' },
    { game_id: 'a b' },
    { game_id: 'x'.repeat(129) },
    [],
    null,
    'a',
  ]) {
    const { replies } = await allocate([
      { op, request },
      { op: 'assign', request },
    ]);

    expect(replies[0]).toEqual(replies[1]);
    expect(replies[0]).toMatchObject({ success: false, code: 'invalid_request' });
  }
});

it.each([
  ['instance', { resource_type: 'gpu' }, 'resource_type must be "cpu" or "ram".'],
  ['instance', { resource_type: null }, 'resource_type must be "cpu" or "ram".'],
  ['instance', { resource_type: ['cpu'] }, 'resource_type must be "cpu" or "ram".'],
  ['instance', [], 'The request must be a JSON object.'],
  ['instances', null, 'The request must be a JSON object.'],
  ['instances', 'all', 'The request must be a JSON object.'],
  ['fleet', [], 'The request must be a JSON object.'],
  ['explain', {}, 'game_id is required.'],
  ['explain', { game_id: 'a', settings: { cpu_cores: 0 } }, 'settings.cpu_cores must be above 0 and at most 1000.'],
])('refuses %s of %j', async (op, request, message) => {
  const { replies, asked } = await allocate([{ op, request }]);

  expect(replies).toMatchObject([{ success: false, code: 'invalid_request', message }]);
  expect(asked).toEqual([]);
});

it('asks each service for its own, all of it at once and in order', async () => {
  const { replies, asked, askedOthers } = await allocate(
    [
      item('a'),
      { op: 'instance', service: 'ai-service', request: {} },
      item('b', { op: 'release', service: 'game-service' }),
      { op: 'instances', service: 'ai-service', request: {} },
      item('c', { op: 'lookup' }),
    ],
    (request) => OUTCOMES[request.op],
  );

  expect(asked.map((requests) => requests.map(gameOf))).toEqual([['a', 'b', 'c']]);
  expect(askedOthers.map((requests) => requests.map(({ op }) => op))).toEqual([['choose', 'list']]);
  expect(replies).toMatchObject([
    { instance_id: '10.0.0.3' },
    { instance: { address: '10.0.0.4' } },
    { success: true },
    { instances: [] },
    { instance_id: '10.0.0.5' },
  ]);
});

it.each(OPS.flatMap((op) => Object.values(OUTCOMES).map((outcome) => [op, outcome.kind, outcome] as const)))(
  'answers %s with a success of its own, or says that nothing is known: %s',
  async (op, _kind, outcome) => {
    const { replies } = await allocate([item('a', { op })], () => outcome);

    const [reply] = replies;
    expect(readReply(op, reply)).toEqual(reply);
    if (!reply?.success) expect(reply).toMatchObject({ code: 'deadline_exceeded' });
  },
);

it.each(['other-service', '', 'constructor', 'Game-Service'])('does not know the service %j', async (service) => {
  const { replies } = await allocate([item('a', { service }), item('a')]);

  expect(replies).toMatchObject([
    { success: false, code: 'invalid_request', message: 'service is not known.', retryable: false },
    { success: true },
  ]);
});

it.each(['assign', 'lookup', 'renew', 'release', 'fleet', 'explain'])(
  'has no %s for a service without games',
  async (op) => {
    const { replies, askedOthers } = await allocate([item('a', { op, service: 'ai-service' })]);

    expect(replies).toMatchObject([
      { success: false, code: 'invalid_request', message: 'op is not available for this service.' },
    ]);
    expect(askedOthers).toEqual([]);
  },
);

it('explains with the strategies that a request may ask for, and no other', async () => {
  const asking = { op: 'explain', request: { game_id: 'a', settings: { strategy: 'pack' } } };
  const explained = () => ({ kind: 'explained', explanation: EXPLANATION }) as const;

  expect((await allocate([asking], explained, ['pack'])).replies).toMatchObject([{ success: true }]);
  expect((await allocate([asking], explained)).replies).toMatchObject([{ code: 'invalid_request' }]);
});

it('explains every request as one of its own, also one that was sent again', async () => {
  const { asked } = await allocate([item('a', { op: 'explain', attempt: 'x' })]);

  expect(asked).toMatchObject([[{ op: 'explain', attempt: expect.not.stringMatching(/^x$/) }]]);
});

it('lets settings.wait_ms be, which is for the relay', async () => {
  expect(await read({ wait_ms: 2000 })).toEqual({
    op: 'assign',
    gameId: 'a',
    level: 'low',
    attempt: expect.any(String),
    deadlineMs: NOW_MS + 435,
  });
});
