import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { parse } from 'yaml';
import { createReplyFigures, FIGURES } from '../../lib/adapters/emf/reply-figures.ts';
import { createLog } from '../../lib/adapters/log/create-log.ts';
import { startHeartbeat } from '../../lib/relay/heartbeat.ts';

interface Metric {
  readonly Id: string;
  readonly Expression?: string;
  readonly MetricStat?: { readonly Metric: { readonly Namespace: string; readonly MetricName: string } };
}

const read = async (file: string) => parse(await readFile(fileURLToPath(new URL(file, import.meta.url)), 'utf8'));
const { Resources: resources } = await read('../../deploy/aws/alarms.yml');
const alarms: [string, Record<string, unknown>][] = Object.entries<{ Type: string; Properties: object }>(resources)
  .filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm')
  .map(([name, { Properties }]) => [name, { ...Properties }]);
const metricsOf = (alarm: Record<string, unknown>) => (alarm['Metrics'] ?? []) as readonly Metric[];

it('watches all that a person should hear of', () => {
  expect(alarms.map(([name]) => name)).toEqual([
    'ErrorsAlarm',
    'ThrottlesAlarm',
    'BatchDurationAlarm',
    'AssignDurationAlarm',
    'UnansweredAlarm',
    'DegradedAlarm',
    'NoCapacityAlarm',
    'RelayDisconnectedAlarm',
  ]);
});

it('tells of an alarm and of its end, where there is a topic', () => {
  const tell = { 'Fn::If': ['HasAlarmTopic', [`\${param:alarmTopic}`], { Ref: 'AWS::NoValue' }] };
  for (const [name, alarm] of alarms) {
    expect([name, alarm['AlarmActions'], alarm['OKActions']]).toEqual([name, tell, tell]);
  }
});

it.each(['ErrorsAlarm', 'ThrottlesAlarm'])('%s takes in every function', async (name) => {
  const { functions } = await read('../../serverless.yml');
  const alarm = resources[name].Properties;

  const ids = metricsOf(alarm).map(({ Id }) => Id);
  expect(ids).toEqual(['all', ...Object.keys(functions)]);
  const logicalIds = JSON.stringify(alarm).match(/\w+LambdaFunction/g) ?? [];
  const nameOf = (id: string) => id.replace('LambdaFunction', '').toLowerCase();
  expect(logicalIds.map(nameOf)).toEqual(Object.keys(functions));
});

it('says what a missing value means: nothing, but for the relay the worst', () => {
  for (const [name, alarm] of alarms) {
    const expected = name === 'RelayDisconnectedAlarm' ? 'breaching' : 'notBreaching';
    expect([name, alarm['TreatMissingData']]).toEqual([name, expected]);
  }
});

it('divides figures only that the functions write in every line', async () => {
  const lines: string[] = [];
  const figures = createReplyFigures({
    stage: 'prod',
    coldStart: false,
    clock: Date.now,
    write: (line) => lines.push(line),
  });
  const reply = { success: true, instance_id: 'a' } as const;
  await figures.counted(async () => [reply])([{ op: 'assign', request: {} }], new AbortController().signal);
  const written = JSON.parse(lines[0]!);

  const used = alarms
    .flatMap(([, alarm]) => metricsOf(alarm))
    .flatMap(({ MetricStat }) =>
      MetricStat?.Metric.Namespace === 'GameAllocator' ? [MetricStat.Metric.MetricName] : [],
    );

  expect(used.length).toBeGreaterThan(5);
  for (const name of used) expect([name, FIGURES.includes(name), name in written]).toEqual([name, true, true]);
  expect(written._aws.CloudWatchMetrics[0].Namespace).toBe('GameAllocator');
});

it('computes with the metrics that it has, and shows one of them', () => {
  for (const [name, alarm] of alarms.filter(([, each]) => each['Metrics'] !== undefined)) {
    const [shown, ...others] = metricsOf(alarm) as (Metric & { ReturnData?: boolean })[];
    expect([name, shown?.ReturnData, others.map(({ ReturnData }) => ReturnData)]).toEqual([
      name,
      undefined,
      others.map(() => false),
    ]);
    const named = (shown?.Expression ?? '').match(/[a-z]+/g) ?? [];
    const ids = others.map(({ Id }) => Id);
    if (shown?.Expression !== 'SUM(METRICS())') expect([name, named.toSorted()]).toEqual([name, ids.toSorted()]);
  }
});

it.each([
  [undefined, 'RelayReady', '1'],
  ['not_connected', 'RelayNotReady', '0'],
])('takes the state of a relay from its log: %s is %s', (reason, name, value) => {
  const line = stateLine(reason);

  const matching = ['RelayReady', 'RelayNotReady'].filter((filter) => matches(resources[filter].Properties, line));

  expect(matching).toEqual([name]);
  const [transformation] = resources[name].Properties.MetricTransformations;
  const { Namespace, MetricName, Statistic, Threshold } = resources.RelayDisconnectedAlarm.Properties;
  expect(transformation).toEqual({ MetricNamespace: Namespace, MetricName, MetricValue: value });
  expect([Statistic, Threshold]).toEqual(['Minimum', 1]);
});

/** A line as the relay logs it on ECS. */
function stateLine(reason: string | undefined): Record<string, unknown> {
  vi.useFakeTimers({ toFake: ['setInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const lines: string[] = [];
  const log = createLog({ service: 's', level: 'INFO', format: 'json', traceCaller: false }, (line) =>
    lines.push(line),
  );
  const figures = () => ({ received: 1, in_flight: 0 });
  startHeartbeat({ notReady: () => reason, connected: () => true, figures, log });
  vi.advanceTimersByTime(60_000);
  return JSON.parse(lines[0]!);
}

/** As CloudWatch reads the two forms that ours have: `$.key = "text"` and `$.key IS TRUE`. */
function matches({ FilterPattern }: { FilterPattern: string }, line: Record<string, unknown>): boolean {
  const parts = FilterPattern.replace(/^\{ \(|\) \}$/g, '').split(') && (');
  return parts.every((part) => {
    const [, key = '', text, word] = /^\$\.(\w+) (?:= "(\w+)"|IS (TRUE|FALSE))$/.exec(part) ?? [];
    if (key === '') throw new Error(`a pattern of another form: ${part}`);
    return line[key] === (text ?? word === 'TRUE');
  });
}
