import { expect, it } from 'vitest';
import type { Histogram } from '../../../lib/adapters/emf/histogram.ts';
import { createReplyFigures, FIGURES } from '../../../lib/adapters/emf/reply-figures.ts';
import { FAILURES, type FailureCode, failureReply, type Reply } from '../../../lib/api/outcomes.ts';
import { STAGES } from '../../../lib/app/meter.ts';
import { NOW_MS } from '../../support/fakes.ts';

const PLACED: Reply = { success: true, instance_id: '10.0.0.3' };
const ITEM = { op: 'assign', request: {} };
const signal = new AbortController().signal;

function start({ coldStart = false, tookMs = 0 } = {}) {
  const lines: string[] = [];
  const time = { nowMs: NOW_MS };
  const figures = createReplyFigures({
    stage: 'prod',
    coldStart,
    clock: () => time.nowMs,
    write: (line) => lines.push(line),
  });
  const reply = (...replies: readonly Reply[]) =>
    figures.counted(() => {
      time.nowMs += tookMs;
      return Promise.resolve(replies);
    })(
      replies.map(() => ITEM),
      signal,
    );
  return { lines, time, figures, reply, read: () => lines.map((line) => JSON.parse(line)) };
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
  const Metrics = [
    ...Object.keys(figures).map((Name) => ({ Name, Unit: 'Count' })),
    { Name: 'total_ms', Unit: 'Milliseconds' },
  ];
  expect(read()).toEqual([
    {
      _aws: {
        Timestamp: NOW_MS,
        CloudWatchMetrics: [{ Namespace: 'GameAllocator', Dimensions: [['Stage']], Metrics }],
      },
      Stage: 'prod',
      ...figures,
      total_ms: { Values: [0], Counts: [1], Max: 0, Min: 0, Count: 1, Sum: 0 },
    },
  ]);
});

it('passes replies on as they are', async () => {
  const { reply } = start();

  expect(await reply(PLACED, failureReply({ code: 'conflict' }))).toEqual([PLACED, failureReply({ code: 'conflict' })]);
});

it('passes a failure of the whole call on, and counts nothing', async () => {
  const lines: string[] = [];
  const figures = createReplyFigures({
    stage: 'prod',
    coldStart: false,
    clock: () => NOW_MS,
    write: (line) => lines.push(line),
  });

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

it('tells once that an environment came to be while somebody waited', async () => {
  const { reply, read, time } = start({ coldStart: true });
  await reply(PLACED);
  time.nowMs += 5000;

  await reply(PLACED);

  expect(read()[0]).toMatchObject({ cold_starts: 1 });
  expect(read()[1]).not.toHaveProperty('cold_starts');
});

it('measures the whole and its stages, and leaves those of the relay to the relay', async () => {
  const { figures, reply, read } = start({ tookMs: 12 });
  for (const stage of STAGES) figures.stage(stage, 7);
  figures.viewAge('consul', 1500);

  await reply(PLACED);

  const { _aws, Stage: _, ...line } = read()[0];
  const one = (ms: number) => ({ Values: [ms], Counts: [1], Max: ms, Min: ms, Count: 1, Sum: ms });
  expect(line).toMatchObject({
    total_ms: one(12),
    consul_ms: one(7),
    prometheus_ms: one(7),
    redis_ms: one(7),
    view_age_consul_ms: one(1500),
  });
  expect(Object.keys(line).filter((name) => /queue|call/.test(name))).toEqual([]);
});

it('counts from anew after each line', async () => {
  const { figures, reply, read, time } = start();
  figures.stage('redis', 7);
  await reply(PLACED);
  time.nowMs += 5000;

  await reply(PLACED);

  expect(read()[1]).toMatchObject({ total_ms: { Count: 1 } });
  expect(read()[1]).not.toHaveProperty('redis_ms');
});

it('gives values whose percentiles are right to a tenth, however many there are', async () => {
  const { figures, reply, read } = start();
  const durations = Array.from({ length: 5000 }, (_, index) => 2 + (index % 1000) ** 2 / 3000);
  for (const ms of durations) figures.stage('redis', ms);

  await reply(PLACED);

  const { Values, Counts, Count, Max, Min }: Histogram = read()[0].redis_ms;
  expect([Count, Counts.reduce((sum, one) => sum + one)]).toEqual([5000, 5000]);
  expect([Min, Max]).toEqual([2, 335]);
  const sorted = durations.toSorted((x, y) => x - y);
  const upTo = (index: number) => Counts.slice(0, index + 1).reduce((sum, one) => sum + one);
  for (let percent = 1; percent < 100; percent += 1) {
    const told = Values.find((_, index) => upTo(index) >= percent * 50) ?? Number.NaN;
    const exact = sorted[percent * 50 - 1]!;
    expect(Math.abs(told / exact - 1), `p${percent}`).toBeLessThan(0.1);
  }
});

it('has names from a closed list only, and a line of a bounded size', async () => {
  const { figures, reply, read, lines, time } = start({ coldStart: true });
  figures.stage('redis', 7);
  await reply(PLACED);
  expect(lines[0]!.length).toBeLessThan(900);
  for (let i = 0; i < 400; i += 1) {
    figures.stage('redis', 5 + (i % 20));
    for (const source of ['consul', 'prometheus'] as const) figures.viewAge(source, (i * 37) % 2000);
  }
  time.nowMs += 5000;
  await reply(PLACED);
  expect(lines[1]!.length).toBeLessThan(1600);
  time.nowMs += 5000;

  for (let ms = 0.01; ms < 1e9; ms *= 1.1) {
    for (const stage of STAGES) figures.stage(stage, ms);
    for (const source of ['consul', 'prometheus'] as const) figures.viewAge(source, ms);
  }
  const failures = (Object.keys(FAILURES) as FailureCode[]).map((code) => failureReply({ code }));
  await reply({ ...PLACED, degraded: ['consul', 'prometheus'] }, ...failures);

  const { _aws, Stage: _, ...last } = read()[2];
  // A cold start has been told by then.
  expect([...Object.keys(last), 'cold_starts'].toSorted()).toEqual(FIGURES.toSorted());
  expect(_aws.CloudWatchMetrics[0].Metrics.length).toBeLessThanOrEqual(100);
  for (const name of ['redis_ms', 'view_age_consul_ms']) expect(last[name].Values.length).toBeLessThanOrEqual(100);
  expect(lines[2]!.length).toBeLessThan(5000);
});
