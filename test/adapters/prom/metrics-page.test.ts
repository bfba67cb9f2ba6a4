import { expect, it } from 'vitest';
import { createMetricsPage } from '../../../lib/adapters/prom/metrics-page.ts';
import { failureReply } from '../../../lib/api/outcomes.ts';
import { createCounter } from '../../../lib/relay/counts.ts';
import { type MeasuredRelay, readMetrics } from '../../../lib/relay/read-metrics.ts';
import { createRelayMeter } from '../../../lib/relay/relay-meter.ts';
import { RELAY_METRICS, type RelayMetric } from '../../../lib/relay/relay-metrics.ts';
import { NOW_MS } from '../../support/fakes.ts';

const METRICS: readonly RelayMetric[] = Object.values(RELAY_METRICS);

/** A relay that has assigned on two endpoints, released on one, and been shed and degraded. */
function measuredRelay() {
  const meter = createRelayMeter();
  const [first, second, release] = [createCounter(), createCounter(), createCounter()];
  const measured: MeasuredRelay = {
    relay: {
      inFlight: () => 3,
      stats: () => ({ received: 9, failed: {}, late: 4, unsent: 5, overloaded: 6, rateLimited: 7 }),
      countsByOp: () => [
        { op: 'assign', ...first.read() },
        { op: 'assign', ...second.read() },
        { op: 'release', ...release.read() },
      ],
    },
    calls: () => ({
      ...{ calls: 0, hedged: 1, hedgesWon: 0, retried: 2, warmCalls: 3 },
      failures: { refused: 0, connect: 0, reset: 0, timeout: 0, status: 0, invalid_body: 0 },
      attempts: { ok: 10, '5xx': 2 },
    }),
    meter,
    connected: () => true,
    ready: () => false,
    repliesLost: () => 8,
    version: '1.2.3',
  };
  return { measured, meter, first, second, release };
}

/** The page's lines by their series: `name{labels}` to the value. */
async function read(measured: MeasuredRelay) {
  const text = await createMetricsPage(() => readMetrics(measured), Date.now).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return { text, values: Object.fromEntries(lines.map((line) => /^(.+) (\S+)$/.exec(line)!.slice(1))) };
}

it('tells what the relay has counted, by operation and outcome', async () => {
  const { measured, first, second } = measuredRelay();
  first.ended({ success: true, instance_id: 'a', degraded: ['prometheus'] }, 20);
  second.ended({ success: true, instance_id: 'a' }, 449);
  second.ended(failureReply({ code: 'no_capacity' }), 451);

  const { values } = await read(measured);

  expect(values).toMatchObject({
    'game_relay_requests_total{op="assign",outcome="success"}': '2',
    'game_relay_requests_total{op="assign",outcome="no_capacity"}': '1',
    'game_relay_requests_total{op="assign",outcome="deadline_exceeded"}': '0',
    'game_relay_requests_total{op="release",outcome="success"}': '0',
    'game_relay_request_duration_seconds_bucket{op="assign",le="0.01"}': '0',
    'game_relay_request_duration_seconds_bucket{op="assign",le="0.025"}': '1',
    'game_relay_request_duration_seconds_bucket{op="assign",le="0.45"}': '2',
    'game_relay_request_duration_seconds_bucket{op="assign",le="10"}': '3',
    'game_relay_request_duration_seconds_bucket{op="assign",le="+Inf"}': '3',
    'game_relay_request_duration_seconds_sum{op="assign"}': '0.92',
    'game_relay_request_duration_seconds_count{op="assign"}': '3',
    'game_relay_degraded_total{source="prometheus"}': '1',
    'game_relay_degraded_total{source="consul"}': '0',
  });
});

it('tells the state of the relay and of its calls', async () => {
  const { measured, meter } = measuredRelay();
  meter.stage('queue', 3);
  meter.batchSent(16);
  meter.viewAge('consul', 1500);

  const { values } = await read(measured);

  expect(values).toMatchObject({
    'game_relay_stage_duration_seconds_bucket{stage="queue",le="0.005"}': '1',
    'game_relay_batch_size_bucket{le="8"}': '0',
    'game_relay_batch_size_bucket{le="16"}': '1',
    game_relay_batch_size_sum: '16',
    'game_relay_upstream_attempts_total{result="ok"}': '10',
    'game_relay_upstream_attempts_total{result="5xx"}': '2',
    'game_relay_upstream_attempts_total{result="timeout"}': '0',
    'game_relay_upstream_extra_calls_total{kind="hedge"}': '1',
    'game_relay_upstream_extra_calls_total{kind="retry"}': '2',
    'game_relay_upstream_extra_calls_total{kind="warm"}': '3',
    game_relay_inflight: '3',
    'game_relay_shed_total{reason="overloaded"}': '6',
    'game_relay_shed_total{reason="rate_limited"}': '7',
    'game_relay_replies_dropped_total{reason="unsendable"}': '5',
    'game_relay_replies_dropped_total{reason="connection"}': '8',
    game_relay_late_replies_total: '4',
    game_relay_nats_connected: '1',
    game_relay_ready: '0',
    'game_relay_view_age_seconds{source="consul"}': '1.5',
    'game_relay_build_info{version="1.2.3"}': '1',
  });
  expect(values).not.toHaveProperty('game_relay_view_age_seconds{source="prometheus"}');
});

it('reads everything anew for each page, of which it makes five a second at most', async () => {
  const { measured, first } = measuredRelay();
  let nowMs = NOW_MS;
  let read = 0;
  const page = createMetricsPage(
    () => {
      read += 1;
      return readMetrics(measured);
    },
    () => nowMs,
  );
  await page.text();
  const before = read;
  first.ended({ success: true, instance_id: 'a' }, 1);

  nowMs += 199;
  expect(await page.text()).toContain('game_relay_requests_total{op="assign",outcome="success"} 0\n');
  expect(read).toBe(before);
  nowMs += 1;
  expect(await page.text()).toContain('game_relay_requests_total{op="assign",outcome="success"} 1\n');
  expect(page.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
});

it('has a type and a help for every name, and those of the process', async () => {
  const { text } = await read(measuredRelay().measured);

  for (const { name, type, help } of METRICS) {
    expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
  }
  expect(text).toMatch(/^process_cpu_seconds_total \S+$/m);
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \S+$/m);
});

it('has no label and no value of a label that is not in the table', async () => {
  const { measured, meter } = measuredRelay();
  for (const source of ['consul', 'prometheus'] as const) meter.viewAge(source, 1);

  const series = readMetrics(measured);

  for (const [key, { labels }] of Object.entries(RELAY_METRICS) as [keyof typeof series, RelayMetric][]) {
    for (const one of series[key]) {
      expect(Object.keys(one.labels), key).toEqual(Object.keys(labels));
      if (key === 'buildInfo') continue; // one value for each process
      for (const [label, value] of Object.entries(one.labels)) expect(labels[label], key).toContain(value);
    }
  }
});

it('names base units, counters with _total, and has a bound where a reply is due', () => {
  for (const { name, type, bounds } of METRICS) {
    expect(name).toMatch(/^game_relay_[a-z_]+$/);
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    expect([name, bounds !== undefined]).toEqual([name, type === 'histogram']);
    if (bounds !== undefined) expect(bounds.toSorted((a, b) => a - b)).toEqual(bounds);
    if (name.endsWith('_seconds') && bounds) expect(bounds).toEqual(expect.arrayContaining([0.005, 0.45, 10]));
  }
});
