import { expect, it } from 'vitest';
import { bundleBytes } from './bundle-bytes.ts';
import { addressesOf, fleetMetrics, fleetOf } from './fleets.ts';
import { growthMibPerMin } from './heaps.ts';
import { dollarsPerMillion } from './prices.ts';
import { commandsBetween, costBetween, parseCommandStats } from './redis-stats.ts';
import { createReport, short, withSpread } from './report.ts';

it('adds up requests, duration and commands of a million allocations', () => {
  const dollars = dollarsPerMillion({ invocations: 0.04, msPerInvocation: 7.5, commands: 1.2 });

  expect(dollars.requests).toBeCloseTo(0.008);
  // 40,000 invocations of 10 ms with 1.7275 GB
  expect(dollars.duration).toBeCloseTo(400 * 1.7275 * 0.0000133334, 4);
  expect(dollars.redis).toBeCloseTo(2.4);
  expect(dollars.total).toBeCloseTo(dollars.requests + dollars.duration + dollars.redis);
});

it('counts the commands between two readings, those of whoever measures left out', () => {
  const before = parseCommandStats('# Commandstats\r\ncmdstat_evalsha:calls=1,usec=100,usec_per_call=100.00\r\n');
  const after = parseCommandStats(
    'cmdstat_evalsha:calls=3,usec=700,usec_per_call=233.33\r\ncmdstat_set:calls=2,usec=4\r\n' +
      'cmdstat_info:calls=9,usec=900\r\ncmdstat_config|resetstat:calls=1,usec=1\r\n',
  );

  expect(commandsBetween(before, after)).toBe(4);
  expect(costBetween('evalsha', before, after)).toEqual({ calls: 2, us: 600 });
});

it('tells what a start reads from what is loaded lazily, by package', () => {
  const outputs = {
    'a/index.mjs': {
      bytes: 100,
      imports: [
        { path: 'a/shared.mjs', kind: 'import-statement' },
        { path: 'a/ssm.mjs', kind: 'dynamic-import' },
      ],
      inputs: { 'lib/a.ts': { bytesInOutput: 60 }, 'node_modules/zod/mini.js': { bytesInOutput: 40 } },
    },
    'a/shared.mjs': { bytes: 10, imports: [], inputs: { 'builtin:node:fs': { bytesInOutput: 9 } } },
    'a/ssm.mjs': {
      bytes: 70,
      imports: [{ path: 'a/shared.mjs', kind: 'import-statement' }],
      inputs: {
        'node_modules/@aws-sdk/core/node_modules/@smithy/core/index.js': { bytesInOutput: 30 },
        'node_modules/@aws-sdk/client-ssm/index.js': { bytesInOutput: 40 },
      },
    },
    'a/of-another-bundle.mjs': { bytes: 1000, imports: [], inputs: {} },
  };

  expect(bundleBytes({ outputs }, 'a/index.mjs')).toEqual({
    start: 110,
    lazy: 70,
    packages: [
      { name: 'own', start: 60, lazy: 0 },
      { name: 'zod', start: 40, lazy: 0 },
      { name: 'node', start: 9, lazy: 0 },
      { name: '@aws-sdk/client-ssm', start: 0, lazy: 70 },
    ],
  });
});

it('adds up how the heaps of several processes grow', () => {
  const reading = (pid: number, minute: number, mib: number) => ({ pid, atMs: minute * 60_000, bytes: mib * 2 ** 20 });

  const growth = growthMibPerMin([reading(1, 0, 50), reading(2, 0, 20), reading(1, 2, 54), reading(2, 2, 19)]);

  expect(growth).toBeCloseTo(1.5);
});

it('gives every instance of a fleet an address and both metrics', () => {
  const fleet = fleetOf(300);
  const lines = fleetMetrics([fleet], 10).split('\n');

  expect(new Set(addressesOf(fleet)).size).toBe(300);
  expect(lines.filter((line) => line.includes('instance="10.103.1.43:5002"'))).toHaveLength(2);
});

it('keeps what was measured and leaves out what was not', () => {
  const printed: string[] = [];
  const report = createReport((text) => printed.push(text));
  report.ratio('a', [1, 3, 2]);
  report.ratio('none', []);
  report.figure('bad', Number.NaN);

  expect(report.figures).toEqual({ a: 2, a_min: 1, a_max: 3 });
  expect([short(0.01234), short(1234.5), short(Number.NaN), withSpread([1, 2])]).toEqual([
    '0.0123',
    '1235',
    '-',
    '1.5 (1-2)',
  ]);
});
