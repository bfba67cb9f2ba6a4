import { FAILURES, type FailureCode } from '../api/outcomes.ts';
import type { Spread } from '../app/distribution.ts';
import { STAGES } from '../app/meter.ts';
import type { CallStats } from './reach-function.ts';
import type { Relay } from './relay.ts';
import type { RelayMeter } from './relay-meter.ts';
import { RELAY_METRICS, type RelayMetricKey } from './relay-metrics.ts';
import { ATTEMPT_RESULTS } from './upstream-failures.ts';

/** One value of a name, or one distribution. `unit`: what the distribution's values are in the unit of the name. */
export type Series = { readonly labels: Readonly<Record<string, string>> } & (
  | { readonly value: number }
  | { readonly spread: Spread; readonly unit: number }
);
export type RelaySeries = Readonly<Record<RelayMetricKey, readonly Series[]>>;

export interface MeasuredRelay {
  readonly relay: Pick<Relay, 'inFlight' | 'stats' | 'countsByOp'>;
  readonly calls: () => CallStats;
  readonly meter: RelayMeter;
  readonly connected: () => boolean;
  readonly ready: () => boolean;
  /** Replies that were ready and that NATS did not take while they were of use. */
  readonly repliesLost: () => number;
  readonly version: string;
}

const MS = 0.001;
const FAILURE_CODES = Object.keys(FAILURES) as FailureCode[];
const SOURCES = RELAY_METRICS.degraded.labels.source;

/**
 * What every name of RELAY_METRICS is now. Nothing is counted for it twice: it reads what the relay has counted anyway.
 * What has not happened yet is 0, so that a first time is seen as one.
 */
export function readMetrics(measured: MeasuredRelay): RelaySeries {
  const { relay, meter, version } = measured;
  const { late, unsent, overloaded, rateLimited } = relay.stats();
  const { hedged, retried, warmCalls, attempts } = measured.calls();
  const endpoints = relay.countsByOp();
  const ops = [...new Set(endpoints.map(({ op }) => op))].map((op) => ({
    op,
    counts: endpoints.filter((endpoint) => endpoint.op === op),
  }));
  type Counts = (typeof endpoints)[number];
  const sum = (counts: readonly Counts[], of: (one: Counts) => number) => counts.reduce((all, one) => all + of(one), 0);

  return {
    requests: ops.flatMap(({ op, counts }) => [
      { labels: { op, outcome: 'success' }, value: sum(counts, ({ succeeded }) => succeeded) },
      ...FAILURE_CODES.map((code) => {
        return { labels: { op, outcome: code }, value: sum(counts, ({ failed }) => failed[code] ?? 0) };
      }),
    ]),
    durations: ops.map(({ op, counts }) => {
      return { labels: { op }, spread: together(counts.map(({ tookMs }) => tookMs)), unit: MS };
    }),
    stages: STAGES.map((stage) => ({ labels: { stage }, spread: meter.stages[stage], unit: MS })),
    batches: [{ labels: {}, spread: meter.batches, unit: 1 }],
    attempts: ATTEMPT_RESULTS.map((result) => ({ labels: { result }, value: attempts[result] ?? 0 })),
    extraCalls: [
      { labels: { kind: 'hedge' }, value: hedged },
      { labels: { kind: 'retry' }, value: retried },
      { labels: { kind: 'warm' }, value: warmCalls },
    ],
    inFlight: [{ labels: {}, value: relay.inFlight() }],
    shed: [
      { labels: { reason: 'overloaded' }, value: overloaded },
      { labels: { reason: 'rate_limited' }, value: rateLimited },
    ],
    repliesDropped: [
      { labels: { reason: 'unsendable' }, value: unsent },
      { labels: { reason: 'connection' }, value: measured.repliesLost() },
    ],
    lateReplies: [{ labels: {}, value: late }],
    connected: [{ labels: {}, value: Number(measured.connected()) }],
    ready: [{ labels: {}, value: Number(measured.ready()) }],
    degraded: SOURCES.map((source) => {
      return { labels: { source }, value: sum(endpoints, ({ degraded }) => degraded[source]) };
    }),
    viewAge: SOURCES.flatMap((source) => {
      const ms = meter.viewAgesMs[source];
      return ms === undefined ? [] : [{ labels: { source }, value: ms * MS }];
    }),
    buildInfo: [{ labels: { version }, value: 1 }],
  };
}

/** Of several distributions over the same bounds. */
function together(spreads: readonly Spread[]): Spread {
  const length = Math.max(...spreads.map(({ counts }) => counts.length));
  return {
    counts: Array.from({ length }, (_, index) => spreads.reduce((all, { counts }) => all + (counts[index] ?? 0), 0)),
    count: spreads.reduce((all, { count }) => all + count, 0),
    sum: spreads.reduce((all, one) => all + one.sum, 0),
    least: Math.min(...spreads.map(({ least }) => least)),
    most: Math.max(...spreads.map(({ most }) => most)),
  };
}
