import { OPS } from '../api/op.ts';
import { FAILURES, type FailureCode } from '../api/outcomes.ts';
import { STAGES } from '../app/meter.ts';
import type { DegradedSource } from '../domain/fleet.ts';
import { BATCH_BOUNDS, DURATION_BOUNDS_MS } from './relay-meter.ts';
import { ATTEMPT_RESULTS } from './upstream-failures.ts';

/** What `/metrics` of the relay says of one name. */
export interface RelayMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Each label with all values that it can have, so that nobody's database grows with our callers. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** Upper bounds of a histogram's buckets, in the unit of its name. */
  readonly bounds?: readonly number[];
}

const SECONDS = DURATION_BOUNDS_MS.map((ms) => ms / 1000);
const OUTCOMES = ['success', ...(Object.keys(FAILURES) as FailureCode[])] as const;
const SOURCES = ['consul', 'prometheus'] as const satisfies readonly DegradedSource[];

/**
 * Every name that the relay has of its own. The one list: the page, the alerts, the dashboards and the README are held to
 * it. Counters and histograms count from the start of the process.
 */
export const RELAY_METRICS = {
  requests: {
    name: 'game_relay_requests_total',
    type: 'counter',
    help: 'Messages that have come to an end, by operation and what was replied',
    labels: { op: OPS, outcome: OUTCOMES },
  },
  durations: {
    name: 'game_relay_request_duration_seconds',
    type: 'histogram',
    help: 'From the receipt of a message to its reply',
    labels: { op: OPS },
    bounds: SECONDS,
  },
  stages: {
    name: 'game_relay_stage_duration_seconds',
    type: 'histogram',
    help: 'What that is spent on: waiting for a batch, the call for one, and, self-hosted, the calls to each system',
    labels: { stage: STAGES },
    bounds: SECONDS,
  },
  batches: {
    name: 'game_relay_batch_size',
    type: 'histogram',
    help: 'Requests that were sent together',
    labels: {},
    bounds: BATCH_BOUNDS,
  },
  attempts: {
    name: 'game_relay_upstream_attempts_total',
    type: 'counter',
    help: 'Calls of the function, second ones and those that keep it warm included, by what came of them',
    labels: { result: ATTEMPT_RESULTS },
  },
  extraCalls: {
    name: 'game_relay_upstream_extra_calls_total',
    type: 'counter',
    help: 'Those of them that carried nothing new: hedges of slow calls, retries of failed ones, and for warmth',
    labels: { kind: ['hedge', 'retry', 'warm'] },
  },
  inFlight: {
    name: 'game_relay_inflight',
    type: 'gauge',
    help: 'Messages taken and not answered yet',
    labels: {},
  },
  shed: {
    name: 'game_relay_shed_total',
    type: 'counter',
    help: 'Messages refused at once: too many under way (MAX_IN_FLIGHT), or too many a second (RATE_LIMIT_PER_S)',
    labels: { reason: ['overloaded', 'rate_limited'] },
  },
  repliesDropped: {
    name: 'game_relay_replies_dropped_total',
    type: 'counter',
    help: 'Replies that nobody got: NATS takes none so large, or it was down or refused them until their time was over',
    labels: { reason: ['unsendable', 'connection'] },
  },
  lateReplies: {
    name: 'game_relay_late_replies_total',
    type: 'counter',
    help: 'Answers that came after their message had been answered without them',
    labels: {},
  },
  connected: {
    name: 'game_relay_nats_connected',
    type: 'gauge',
    help: '1 while the connection to NATS is up',
    labels: {},
  },
  ready: {
    name: 'game_relay_ready',
    type: 'gauge',
    help: '1 while messages are taken and answered',
    labels: {},
  },
  degraded: {
    name: 'game_relay_degraded_total',
    type: 'counter',
    help: 'Replies that had to do without a source, or with its last answer',
    labels: { source: SOURCES },
  },
  viewAge: {
    name: 'game_relay_view_age_seconds',
    type: 'gauge',
    help: 'How old what each source had given was when it was last used; self-hosted relays only',
    labels: { source: SOURCES },
  },
  buildInfo: {
    name: 'game_relay_build_info',
    type: 'gauge',
    help: '1, with the version that runs',
    labels: { version: [] },
  },
} as const satisfies Record<string, RelayMetric>;

export type RelayMetricKey = keyof typeof RELAY_METRICS;
