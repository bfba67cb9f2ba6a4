import type { Dashboard } from './panels.ts';

/** What is chosen at the top of the page. */
const OURS = 'job=~"$job", instance=~"$instance"';
const PER = '[$__rate_interval]';

const rate = (name: string, by: string, more = '') => `sum by (${by}) (rate(${name}{${OURS}${more}}${PER}))`;
const total = (name: string, more = '') => `sum(rate(${name}{${OURS}${more}}${PER}))`;
const percentile = (share: number, name: string, by: string, more = '') =>
  `histogram_quantile(${share}, ${rate(`${name}_bucket`, by, more)})`;
const mean = (name: string, by: string) => `${rate(`${name}_sum`, by)} / ${rate(`${name}_count`, by)}`;

const UNANSWERED = ', outcome=~"upstream_unavailable|no_instance|deadline_exceeded"';

/** How the relays do: what callers see of them, what that is spent on, and what they have to do without. */
export const RELAY_DASHBOARD: Dashboard = {
  uid: 'game-allocator-relay',
  title: 'Game allocator: relays',
  description: 'Requests, their times and what the relays have to do without. Made by `npm run dashboards`.',
  variables: [
    { name: 'job', label: 'Job', values: { query: 'label_values(game_relay_build_info, job)' }, several: true },
    {
      name: 'instance',
      label: 'Relay',
      values: { query: 'label_values(game_relay_build_info{job=~"$job"}, instance)' },
      several: true,
    },
  ],
  rows: [
    {
      title: 'Now',
      panels: [
        {
          title: 'Requests',
          description: 'Messages that come to an end each second.',
          ...{ kind: 'number', width: 4, unit: 'reqps' },
          queries: { requests: total('game_relay_requests_total') },
        },
        {
          title: 'Unanswered',
          description:
            'Share of the requests that fail for reasons that are not the caller’s. GameRequestsFailing rings at 1 %.',
          ...{ kind: 'number', width: 4, unit: 'percentunit' },
          queries: {
            unanswered: `${total('game_relay_requests_total', UNANSWERED)} / ${total('game_relay_requests_total')}`,
          },
        },
        {
          title: 'Slowest hundredth of assignments',
          description: 'Callers that say nothing have to have their reply within 450 ms.',
          ...{ kind: 'number', width: 4, unit: 's' },
          queries: { p99: percentile(0.99, 'game_relay_request_duration_seconds', 'le', ', op="assign"') },
        },
        {
          title: 'Relays that serve',
          description: 'Connected, subscribed and not ending.',
          ...{ kind: 'number', width: 4, unit: 'short' },
          queries: { serving: `sum(game_relay_ready{${OURS}})` },
        },
        {
          title: 'In flight',
          description: 'Messages taken and not answered yet, of all relays.',
          ...{ kind: 'number', width: 4, unit: 'short' },
          queries: { 'in flight': `sum(game_relay_inflight{${OURS}})` },
        },
        {
          title: 'Versions',
          description: 'Relays by the version that they run.',
          ...{ kind: 'number', width: 4, unit: 'short' },
          queries: { '{{version}}': `count by (version) (game_relay_build_info{${OURS}})` },
        },
      ],
    },
    {
      title: 'Requests',
      panels: [
        {
          title: 'By outcome',
          description: 'What was replied. Everything but success is a failure by its code.',
          ...{ kind: 'stacked', width: 12, unit: 'reqps' },
          queries: { '{{outcome}}': `${rate('game_relay_requests_total', 'outcome')} > 0` },
        },
        {
          title: 'By operation',
          description: 'What was asked for.',
          ...{ kind: 'stacked', width: 12, unit: 'reqps' },
          queries: { '{{op}}': rate('game_relay_requests_total', 'op') },
        },
        {
          title: 'Time to the reply',
          description: 'From receipt to reply, of all operations.',
          ...{ kind: 'lines', width: 12, unit: 's' },
          queries: {
            p50: percentile(0.5, 'game_relay_request_duration_seconds', 'le'),
            p95: percentile(0.95, 'game_relay_request_duration_seconds', 'le'),
            p99: percentile(0.99, 'game_relay_request_duration_seconds', 'le'),
          },
        },
        {
          title: 'Time to the reply, assignments',
          description: 'How many took how long.',
          ...{ kind: 'heatmap', width: 12, unit: 's' },
          queries: {
            '{{le}}': `sum by (le) (increase(game_relay_request_duration_seconds_bucket{${OURS}, op="assign"}${PER}))`,
          },
        },
      ],
    },
    {
      title: 'What the time is spent on',
      panels: [
        {
          title: 'Stages, slowest hundredth',
          description:
            'queue: waiting for a batch. call: the function. consul, prometheus, redis: self-hosted relays only.',
          ...{ kind: 'lines', width: 12, unit: 's' },
          queries: { '{{stage}}': percentile(0.99, 'game_relay_stage_duration_seconds', 'stage, le') },
        },
        {
          title: 'Stages, mean',
          description: 'The same, on the average.',
          ...{ kind: 'lines', width: 12, unit: 's' },
          queries: { '{{stage}}': mean('game_relay_stage_duration_seconds', 'stage') },
        },
        {
          title: 'In flight',
          description: 'Messages taken and not answered yet. MAX_IN_FLIGHT is the most that a relay takes.',
          ...{ kind: 'lines', width: 12, unit: 'short' },
          queries: { '{{instance}}': `game_relay_inflight{${OURS}}` },
        },
        {
          title: 'Requests in a batch',
          description: 'More of them mean fewer calls, and less to pay. 64 at most.',
          ...{ kind: 'lines', width: 12, unit: 'short' },
          queries: {
            mean: `${total('game_relay_batch_size_sum')} / ${total('game_relay_batch_size_count')}`,
            p95: percentile(0.95, 'game_relay_batch_size', 'le'),
          },
        },
      ],
    },
    {
      title: 'The function',
      panels: [
        {
          title: 'Calls by result',
          description: 'cancelled: a hedge was answered first. Everything but ok and cancelled is a failure.',
          ...{ kind: 'stacked', width: 12, unit: 'reqps' },
          queries: { '{{result}}': `${rate('game_relay_upstream_attempts_total', 'result')} > 0` },
        },
        {
          title: 'Second calls, and calls for warmth',
          description: 'hedge: a call was slow. retry: one failed. At most 5 % are hedged.',
          ...{ kind: 'lines', width: 12, unit: 'reqps' },
          queries: { '{{kind}}': rate('game_relay_upstream_extra_calls_total', 'kind') },
        },
      ],
    },
    {
      title: 'What is lost, and what is done without',
      panels: [
        {
          title: 'Refused, dropped, late',
          description: 'All of these should be 0.',
          ...{ kind: 'lines', width: 8, unit: 'reqps' },
          queries: {
            'refused: {{reason}}': rate('game_relay_shed_total', 'reason'),
            'dropped: {{reason}}': rate('game_relay_replies_dropped_total', 'reason'),
            late: total('game_relay_late_replies_total'),
          },
        },
        {
          title: 'NATS',
          description: '1: connected, and serving.',
          ...{ kind: 'lines', width: 8, unit: 'short' },
          queries: {
            '{{instance}} connected': `game_relay_nats_connected{${OURS}}`,
            '{{instance}} serves': `game_relay_ready{${OURS}}`,
          },
        },
        {
          title: 'Replies made without a source',
          description: 'Share of the successes that were made without Consul or Prometheus, or on their last answer.',
          ...{ kind: 'lines', width: 8, unit: 'percentunit' },
          queries: {
            '{{source}}': `${rate('game_relay_degraded_total', 'source')} / on() group_left() ${total('game_relay_requests_total', ', outcome="success"')}`,
          },
        },
        {
          title: 'Age of the view',
          description:
            'Of self-hosted relays, when it was last used. It is refreshed after 2 s; over 10 s a source is slow or down.',
          ...{ kind: 'lines', width: 8, unit: 's' },
          queries: { '{{instance}} {{source}}': `game_relay_view_age_seconds{${OURS}}` },
        },
      ],
    },
    {
      title: 'Processes',
      panels: [
        {
          title: 'CPU',
          description: 'A relay is one thread: at 1 it is at its end.',
          ...{ kind: 'lines', width: 8, unit: 'suffix:cores' },
          queries: { '{{instance}}': `rate(process_cpu_seconds_total{${OURS}}${PER})` },
        },
        {
          title: 'Memory',
          description: 'What the process has of the machine, and what of it is JavaScript in use.',
          ...{ kind: 'lines', width: 8, unit: 'bytes' },
          queries: {
            '{{instance}}': `process_resident_memory_bytes{${OURS}}`,
            '{{instance}} heap': `nodejs_heap_size_used_bytes{${OURS}}`,
          },
        },
        {
          title: 'Event loop lag',
          description: 'How late timers are. Over 50 ms deadlines are missed.',
          ...{ kind: 'lines', width: 8, unit: 's' },
          queries: {
            '{{instance}} p99': `nodejs_eventloop_lag_p99_seconds{${OURS}}`,
            '{{instance}} max': `nodejs_eventloop_lag_max_seconds{${OURS}}`,
          },
        },
      ],
    },
  ],
};
