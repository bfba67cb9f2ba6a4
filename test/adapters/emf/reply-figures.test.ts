import { expect, it } from 'vitest';
import { createReplyFigures, FIGURES } from '../../../lib/adapters/emf/reply-figures.ts';
import { FAILURES, type FailureCode, failureReply, type Reply } from '../../../lib/api/outcomes.ts';
import { NOW_MS } from '../../support/fakes.ts';

const PLACED: Reply = { success: true, instance_id: '10.0.0.3' };
const ITEM = { op: 'assign', request: {} };
const signal = new AbortController().signal;

function start() {
  const lines: string[] = [];
  const time = { nowMs: NOW_MS };
  const figures = createReplyFigures({ stage: 'prod', clock: () => time.nowMs, write: (line) => lines.push(line) });
  const reply = (...replies: readonly Reply[]) =>
    figures.counted(() => Promise.resolve(replies))(
      replies.map(() => ITEM),
      signal,
    );
  return { lines, time, reply, read: () => lines.map((line) => JSON.parse(line)) };
}

it('writes one line in the embedded metric format, with 0 for what alarms divide by one another', async () => {
  const { reply, read } = start();

  await reply(PLACED, failureReply({ code: 'no_capacity' }));

  const figures = {
    replies: 2,
    degraded: 0,
    no_capacity: 1,
    no_instance: 0,
    upstream_unavailable: 0,
    deadline_exceeded: 0,
  };
  const Metrics = Object.keys(figures).map((Name) => ({ Name, Unit: 'Count' }));
  expect(read()).toEqual([
    {
      _aws: {
        Timestamp: NOW_MS,
        CloudWatchMetrics: [{ Namespace: 'GameAllocator', Dimensions: [['Stage']], Metrics }],
      },
      Stage: 'prod',
      ...figures,
    },
  ]);
});

it('passes replies on as they are', async () => {
  const { reply } = start();

  expect(await reply(PLACED, failureReply({ code: 'conflict' }))).toEqual([PLACED, failureReply({ code: 'conflict' })]);
});

it('passes a failure of the whole call on, and counts nothing', async () => {
  const lines: string[] = [];
  const figures = createReplyFigures({ stage: 'prod', clock: () => NOW_MS, write: (line) => lines.push(line) });

  await expect(figures.counted(() => Promise.reject(new Error('x')))([ITEM], signal)).rejects.toThrow('x');
  expect(lines).toEqual([]);
});

it.each(Object.keys(FAILURES) as FailureCode[])('counts %s by its code', async (code) => {
  const { reply, read } = start();

  await reply(failureReply({ code }), PLACED);

  expect(read()[0]).toMatchObject({ replies: 2, [code]: 1 });
});

it('counts a degraded reply once, and once for each source', async () => {
  const { reply, read } = start();
  const both: Reply = { ...PLACED, degraded: ['consul', 'prometheus'] };
  const instances: Reply = { success: true, instances: [], degraded: ['consul'] };

  await reply(both, instances, { ...PLACED, degraded: [] }, { ...PLACED, degraded: ['else'] });

  expect(read()[0]).toMatchObject({ replies: 4, degraded: 3, degraded_consul: 2, degraded_prometheus: 1 });
  expect(read()[0]).not.toHaveProperty('degraded_else');
});

it('gathers for five seconds, and then writes what has come together once', async () => {
  const { reply, read, time } = start();
  await reply(PLACED);
  time.nowMs += 4999;
  await reply(PLACED, PLACED);
  expect(read()).toHaveLength(1);

  time.nowMs += 1;
  await reply(PLACED);

  expect(read().map(({ replies }) => replies)).toEqual([1, 3]);
});

it('goes on writing when the clock is set back', async () => {
  const { reply, read, time } = start();
  await reply(PLACED);
  time.nowMs -= 3_600_000;

  await reply(PLACED);

  expect(read()).toHaveLength(2);
});

it('has names from a closed list only, and a line of a bounded size', async () => {
  const { reply, read, lines, time } = start();
  await reply(PLACED);
  expect(lines[0]!.length).toBeLessThan(650);
  time.nowMs += 5000;

  const failures = (Object.keys(FAILURES) as FailureCode[]).map((code) => failureReply({ code }));
  await reply({ ...PLACED, degraded: ['consul', 'prometheus'] }, ...failures);

  const { _aws, Stage: _, ...figures } = read()[1];
  expect(Object.keys(figures).toSorted()).toEqual(FIGURES.toSorted());
  expect(lines[1]!.length).toBeLessThan(1200);
});
