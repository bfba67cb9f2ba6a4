import { expect, it } from 'vitest';
import { hostPart, readSamples } from '../../../lib/adapters/prometheus/samples.ts';

it('gathers the three series of each instance by the host part of its label', async () => {
  const samples = await readSamples(
    [...load('10.0.0.1:8080', '0.25', '1e+06', '1700000000.5'), ...load('[::1]:80')],
    'instance',
    new AbortController().signal,
  );

  expect(Object.fromEntries(samples)).toEqual({
    '10.0.0.1': { cpuCores: 0.25, memoryBytes: 1e6, atS: 1_700_000_000.5 },
    '::1': { cpuCores: 1, memoryBytes: 2, atS: 3 },
  });
});

it('reads another label when told to', async () => {
  const elements = ['cpu', 'ram', 'ts'].map((m) => series({ m, host: 'a', instance: 'b' }, '5'));

  expect([...(await readSamples(elements, 'host', new AbortController().signal)).keys()]).toEqual(['a']);
});

it.each(['NaN', '+Inf', '-Inf', '', ' ', '-1', '0x10', '1e999', '5 ', 'abc'])(
  'knows nothing of an instance with the value %j',
  async (bad) => {
    for (const values of [
      [bad, '1', '1'],
      ['1', bad, '1'],
      ['1', '1', bad],
    ] as const) {
      const samples = await readSamples(
        [...load('10.0.0.1', ...values), ...load('10.0.0.10')],
        'instance',
        new AbortController().signal,
      );

      expect([...samples.keys()]).toEqual(['10.0.0.10']);
    }
  },
);

it.each(['cpu', 'ram', 'ts'])('knows nothing of an instance without %s', async (absent) => {
  const elements = load('10.0.0.1').filter(({ metric }) => metric.m !== absent);

  expect((await readSamples(elements, 'instance', new AbortController().signal)).size).toBe(0);
});

it('tells 10.0.0.1 from 10.0.0.10', async () => {
  const samples = await readSamples(
    [...load('10.0.0.1:80', '1'), ...load('10.0.0.10:80', '2')],
    'instance',
    new AbortController().signal,
  );

  expect(samples.get('10.0.0.1')?.cpuCores).toBe(1);
  expect(samples.get('10.0.0.10')?.cpuCores).toBe(2);
});

it('adds the load of two ports of one host, with the time of the older', async () => {
  const samples = await readSamples(
    [...load('10.0.0.1:80', '1', '10', '200'), ...load('10.0.0.1:81', '2', '20', '100')],
    'instance',
    new AbortController().signal,
  );

  expect(samples.get('10.0.0.1')).toEqual({ cpuCores: 3, memoryBytes: 30, atS: 100 });
});

it.each([
  { name: 'before', elements: [...load('10.0.0.1:80').slice(1), ...load('10.0.0.1:81')] },
  { name: 'behind', elements: [...load('10.0.0.1:80'), ...load('10.0.0.1:81', 'NaN')] },
  { name: 'negative', elements: [...load('10.0.0.1:80', '5'), ...load('10.0.0.1:81', '-1')] },
])('knows nothing of a host of which one port is incomplete: $name', async ({ elements }) => {
  expect((await readSamples(elements, 'instance', new AbortController().signal)).size).toBe(0);
});

it.each([
  null,
  7,
  {},
  { metric: {}, value: [1, '2'] },
  { metric: { m: 'cpu' }, value: [1, '2'] },
  { metric: { m: 'cpu', instance: '10.0.0.1' }, value: [1, 2] },
  { metric: { m: 'cpu', instance: '10.0.0.1' }, histogram: [1, {}] },
  { metric: { m: 'other', instance: '10.0.0.2' }, value: [1, '2'] },
  { metric: { m: 'cpu', instance: '' }, value: [1, '2'] },
])('passes over the element %j', async (element) => {
  expect([
    ...(await readSamples([element, ...load('10.0.0.1')], 'instance', new AbortController().signal)).keys(),
  ]).toEqual(['10.0.0.1']);
});

it.each([
  ['10.0.0.1:8080', '10.0.0.1'],
  ['10.0.0.1', '10.0.0.1'],
  ['[::1]:80', '::1'],
  ['[::1]', '::1'],
  ['::1', '::1'],
  ['fe80::1:80', 'fe80::1:80'],
  ['game.example:80', 'game.example'],
  ['game-1', 'game-1'],
  ['game:one', 'game:one'],
])('the host of %s is %s', async (instance, host) => {
  expect(hostPart(instance)).toBe(host);
});

function load(instance: string, cpu = '1', ram = '2', ts = '3') {
  return [series({ instance, m: 'cpu' }, cpu), series({ instance, m: 'ram' }, ram), series({ instance, m: 'ts' }, ts)];
}

function series<T extends Record<string, string>>(metric: T, value: string) {
  return { metric, value: [1_700_000_001.781, value] };
}
