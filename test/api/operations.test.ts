import { expect, it } from 'vitest';
import type { BatchItem } from '../../lib/api/batch.ts';
import { createAllocate } from '../../lib/api/operations.ts';
import { ReplySchema } from '../../lib/api/reply.ts';
import type { Assignment } from '../../lib/app/assign-games.ts';
import type { PlacementRequest } from '../../lib/app/placement.ts';
import { NOW_MS } from '../support/fakes.ts';
import { noLimit } from '../support/http-server.ts';

const ASSIGNED = {
  kind: 'assigned',
  instanceId: '10.0.0.3',
  port: 5002,
  replayed: false,
  degraded: [],
} as const satisfies Assignment;

/** Carries out `items`; every game is answered with what `answer` says. */
async function allocate(
  items: readonly BatchItem[],
  answer: (request: PlacementRequest) => Assignment = () => ASSIGNED,
) {
  const asked: (readonly PlacementRequest[])[] = [];
  const run = createAllocate(
    (requests) => {
      asked.push(requests);
      return Promise.resolve(requests.map(answer));
    },
    () => NOW_MS,
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
    degraded: ['consul'],
  }));

  expect(replies).toEqual([{ success: true, instance_id: '10.0.0.3', replayed: true, degraded: ['consul'] }]);
  expect(replies[0]).not.toHaveProperty('port');
});

it.each(['conflict', 'no_instance', 'upstream_unavailable', 'deadline_exceeded'] as const)(
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
  );

  expect(await run([item('a')], noLimit())).toMatchObject([{ code: 'deadline_exceeded', retryable: true }]);
});
