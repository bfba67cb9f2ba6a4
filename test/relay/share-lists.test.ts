import { expect, it } from 'vitest';
import type { BatchItem } from '../../lib/api/batch.ts';
import type { Reply } from '../../lib/api/outcomes.ts';
import { shareLists } from '../../lib/relay/share-lists.ts';

const signal = new AbortController().signal;
const list = (more: Partial<BatchItem>): BatchItem => ({ op: 'instances', request: {}, budget_ms: 100, ...more });
const choice = (attempt: string): BatchItem => ({ op: 'instance', request: {}, budget_ms: 100, attempt });

function setUp() {
  const calls: (readonly BatchItem[])[] = [];
  const allocate = shareLists(async (items) => {
    calls.push(items);
    // The reply tells which of the items it is for.
    return items.map((_, index): Reply => ({ success: true, instance_id: String(index) }));
  });
  return { calls, allocate };
}

it('asks once for each list, and gives it to everybody who asked', async () => {
  const { calls, allocate } = setUp();

  const replies = await allocate(
    [
      choice('a'),
      list({ attempt: 'b' }),
      choice('c'),
      list({ attempt: 'd', service: 'ai-service' }),
      list({ attempt: 'e', budget_ms: 400 }),
      list({ attempt: 'f', budget_ms: 200, service: 'ai-service' }),
      choice('a'),
    ],
    signal,
  );

  expect(calls).toEqual([
    [
      choice('a'),
      list({ attempt: 'b', budget_ms: 400 }),
      choice('c'),
      list({ attempt: 'd', budget_ms: 200, service: 'ai-service' }),
      choice('a'),
    ],
  ]);
  const positions = replies.map((reply) => 'instance_id' in reply && reply.instance_id);
  expect(positions).toEqual(['0', '1', '2', '3', '1', '3', '4']);
});

it('fails where a reply is missing', async () => {
  const allocate = shareLists(async () => [{ success: true }]);

  await expect(allocate([list({}), choice('a')], signal)).rejects.toMatchObject({ failure: 'invalid_body' });
});
