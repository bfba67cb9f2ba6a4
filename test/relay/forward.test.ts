import { expect, it } from 'vitest';
import type { BatchItem } from '../../lib/api/batch.ts';
import { failureReply } from '../../lib/api/outcomes.ts';
import { createForward, createPost, type Poster } from '../../lib/relay/forward.ts';
import { fakeLog } from './fake-message.ts';

const ITEM: BatchItem = { op: 'assign', request: { game_id: 'g' }, budget_ms: 400, attempt: 'a-1' };
const PLACED = { success: true, instance_id: '10.0.0.3', port: 5002 };
const signal = new AbortController().signal;

function answering(status: number, body: unknown) {
  let closed = 0;
  const closeConnection = () => {
    closed += 1;
  };
  const requests: Parameters<Poster['request']>[0][] = [];
  const { log, events } = fakeLog();
  const http: Poster = {
    request: async (request) => {
      requests.push(request);
      return { status, body: typeof body === 'string' ? body : JSON.stringify(body), closeConnection };
    },
  };
  const post = createPost({ http, path: '/batch?x=1' });
  let invalid = 0;
  const forward = createForward(post, log, () => {
    invalid += 1;
  });
  return { requests, events, post, forward, closed: () => closed, invalid: () => invalid };
}

it('posts the items in one batch and returns the replies in order', async () => {
  const replies = [PLACED, failureReply({ code: 'no_capacity' })];
  const { forward, requests } = answering(200, { v: 1, items: replies, extra: true });

  expect(await forward([ITEM, ITEM], signal)).toEqual(replies);

  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatchObject({ method: 'POST', path: '/batch?x=1', signal });
  expect(requests[0]!.headers['content-type']).toBe('application/json');
  expect(JSON.parse(requests[0]!.body)).toEqual({ v: 1, items: [ITEM, ITEM] });
});

it('returns replies unchecked where only the answer itself counts', async () => {
  const { post, events } = answering(200, { v: 1, items: [{ success: true }] });

  expect(await post([ITEM], signal)).toEqual([{ success: true }]);

  expect(events).toEqual([]);
});

it('drops keys of a reply that are not ours', async () => {
  const { forward } = answering(200, { v: 1, items: [{ ...PLACED, stack: 'at x.ts' }] });

  expect(await forward([ITEM], signal)).toEqual([PLACED]);
});

it.each([
  [500, 'status', 'unknown'],
  [502, 'status', 'unknown'],
  [504, 'status', 'unknown'],
  [429, 'status', 'none'],
  [404, 'status', 'none'],
  [204, 'status', 'none'],
  [302, 'status', 'none'],
  [401, 'refused', 'none'],
  [403, 'refused', 'none'],
])('throws for status %i: %s, outcome %s', async (status, failure, outcome) => {
  const { forward } = answering(status, { v: 1, items: [PLACED] });

  await expect(forward([ITEM], signal)).rejects.toMatchObject({ upstream: 'allocator', failure, status, outcome });
});

it.each([
  ['text', 'Internal Server Error'],
  ['nothing', ''],
  ['null', null],
  ['another version', { v: 2, items: [PLACED] }],
  ['no items', { v: 1 }],
  ['too few items', { v: 1, items: [] }],
  ['too many items', { v: 1, items: [PLACED, PLACED] }],
  ['attempts that are not a list', { v: 1, items: [PLACED], attempts: 'a-1' }],
])('throws invalid_body for %s, and closes the connection', async (_name, body) => {
  const { forward, closed } = answering(200, body);

  await expect(forward([ITEM], signal)).rejects.toMatchObject({ failure: 'invalid_body', outcome: 'none' });

  expect(closed()).toBe(1);
});

const WARM: BatchItem = { op: 'warm', request: {} };

it.each([
  ['the same attempts', ['a-1', null]],
  ['no word of them, as from a function of the version before', undefined],
])('takes an answer with %s', async (_name, attempts) => {
  const { post, closed } = answering(200, { v: 1, items: [PLACED, PLACED], attempts });

  expect(await post([ITEM, WARM], signal)).toEqual([PLACED, PLACED]);

  expect(closed()).toBe(0);
});

it.each([
  ['another item', ['b-7', null]],
  ['the same items in another order', [null, 'a-1']],
  ['fewer items', ['a-1']],
  ['more items', ['a-1', null, null]],
  ['an item with an attempt in place of one without', ['a-1', 'a-1']],
])(
  'throws invalid_body for an answer to %s, and closes the connection that is out of step',
  async (_name, attempts) => {
    const { post, closed } = answering(200, { v: 1, items: [PLACED, PLACED], attempts });

    await expect(post([ITEM, WARM], signal)).rejects.toMatchObject({ failure: 'invalid_body', outcome: 'none' });

    expect(closed()).toBe(1);
  },
);

it.each([
  ['lookup', { success: true, instance_id: 'i', expires_in_s: 70 }],
  ['renew', { success: true, instance_id: 'i' }],
  ['release', { success: true }],
  ['instance', { success: true, instance: { address: 'a', rest_port: 0, grpc_port: 1 }, degraded: ['consul'] }],
  ['instances', { success: true, instances: [] }],
])('takes the reply of %s for it, and not for an assignment', async (op, reply) => {
  const { forward } = answering(200, { v: 1, items: [reply, PLACED, reply] });

  const replies = await forward([{ ...ITEM, op }, ITEM, { ...ITEM, op: 'dance' }], signal);

  expect(replies).toEqual([reply, PLACED, failureReply({ code: 'upstream_unavailable' })]);
  if (op === 'lookup' || op === 'renew') return; // an instance_id is all that either needs
  expect((await forward([ITEM, ITEM, ITEM], signal))[0]).toEqual(failureReply({ code: 'upstream_unavailable' }));
});

it.each([
  ['null', null],
  ['a success without an instance', { success: true }],
  ['a success with an empty instance', { success: true, instance_id: '' }],
  ['a port that is none', { ...PLACED, port: 70_000 }],
  ['an unknown code', { success: false, message: 'm', code: 'teapot', retryable: false }],
  ['a failure without a message', { success: false, code: 'no_capacity', retryable: true }],
])('makes upstream_unavailable of %s and leaves its neighbours alone', async (_name, reply) => {
  const { forward, events, invalid } = answering(200, { v: 1, items: [PLACED, reply] });

  expect(await forward([ITEM, ITEM], signal)).toEqual([PLACED, failureReply({ code: 'upstream_unavailable' })]);

  expect(events).toEqual(['allocator_reply_invalid']);
  expect(invalid()).toBe(1);
});
