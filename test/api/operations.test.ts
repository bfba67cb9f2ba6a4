import { expect, it } from 'vitest';
import type { BatchItem } from '../../lib/api/batch.ts';
import { createAllocate } from '../../lib/api/operations.ts';
import { ReplySchema } from '../../lib/api/reply.ts';
import type { Assignment, GameRequest } from '../../lib/app/assign-games.ts';
import type { Strategy } from '../../lib/app/placement.ts';
import { NOW_MS } from '../support/fakes.ts';
import { noLimit } from '../support/http-server.ts';

const ASSIGNED = {
  kind: 'assigned',
  instanceId: '10.0.0.3',
  port: 5002,
  replayed: false,
  reassigned: false,
  degraded: [],
} as const satisfies Assignment;

/** Carries out `items`; every game is answered with what `answer` says. */
async function allocate(
  items: readonly BatchItem[],
  answer: (request: GameRequest) => Assignment = () => ASSIGNED,
  strategies: readonly Strategy[] = [],
) {
  const asked: (readonly GameRequest[])[] = [];
  const run = createAllocate(
    (requests) => {
      asked.push(requests);
      return Promise.resolve(requests.map(answer));
    },
    () => NOW_MS,
    strategies,
  );
  return { replies: await run(items, noLimit()), asked };
}

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
  expect(ReplySchema.parse(replies[0])).toEqual(replies[0]);
  expect(replies[0]).not.toHaveProperty('port');
});

it.each(['conflict', 'no_instance', 'no_capacity', 'upstream_unavailable', 'deadline_exceeded'] as const)(
  'answers %s as a failure without instance_id',
  async (kind) => {
    const { replies } = await allocate([item('a')], () => ({ kind }));

    expect(replies).toMatchObject([{ success: false, code: kind }]);
    expect(replies[0]).not.toHaveProperty('instance_id');
    expect(ReplySchema.safeParse(replies[0]).success).toBe(true);
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
      { gameId: 'a', level: 'low', attempt: 'x', deadlineMs: NOW_MS + 100 },
      { gameId: 'b', level: 'high', attempt: 'x', deadlineMs: NOW_MS },
    ],
  ]);
});

it('without budget_ms gives 435 ms, and without attempt makes each item one of its own', async () => {
  const { asked } = await allocate([item('a'), item('a')]);

  const [first, second] = asked[0]!;
  expect(first!.deadlineMs).toBe(NOW_MS + 435);
  expect(first!.attempt).not.toBe(second!.attempt);
  expect(first!.attempt.length).toBeGreaterThan(20);
});

it('a bad item fails by itself, and the order is kept', async () => {
  const items = [
    item('a b'),
    item('a'),
    item('x', { op: 'renew' }),
    { op: 'assign', request: null },
    item('b'),
    item(7),
  ];

  const { replies, asked } = await allocate(items, ({ gameId }) => ({ ...ASSIGNED, instanceId: `on-${gameId}` }));

  expect(replies).toMatchObject([
    { code: 'invalid_request', message: 'game_id must not contain white space or control characters.' },
    { instance_id: 'on-a' },
    { code: 'invalid_request', message: 'op is not known.', retryable: false },
    { code: 'invalid_request', message: 'The request must be a JSON object.' },
    { instance_id: 'on-b' },
    { code: 'invalid_request', message: 'game_id must be a string.' },
  ]);
  expect(asked[0]?.map(({ gameId }) => gameId)).toEqual(['a', 'b']);
});

it('asks nobody when no item is good', async () => {
  const { replies, asked } = await allocate([item(''), item('a', { op: 'toString' })]);

  expect(replies.map((reply) => reply.success)).toEqual([false, false]);
  expect(asked).toEqual([]);
});

it('answers an item for which nothing came back', async () => {
  const run = createAllocate(
    () => Promise.resolve([]),
    () => NOW_MS,
    [],
  );

  expect(await run([item('a')], noLimit())).toMatchObject([{ code: 'deadline_exceeded', retryable: true }]);
});

async function read(settings: object, strategies: readonly Strategy[] = []): Promise<GameRequest | undefined> {
  const { asked } = await allocate([{ op: 'assign', request: { game_id: 'a', settings } }], () => ASSIGNED, strategies);
  return asked[0]?.[0];
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
  const plain = { gameId: 'a', level: 'low', attempt: expect.any(String), deadlineMs: NOW_MS + 435 };

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
] as const)('tells of %s with %j: %s, %s', async (kind, settings, code, message) => {
  const asking = { op: 'assign', request: { game_id: 'a', settings } };

  const { replies } = await allocate([asking], () => ({ kind }));

  expect(replies).toEqual([{ success: false, code, message, retryable: true }]);
  expect(ReplySchema.safeParse(replies[0]).success).toBe(true);
});
