/** What the figures are meant to reach. */
export interface Goal {
  readonly name: string;
  readonly means: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export const GOALS: readonly Goal[] = [
  { name: 'p50_over_floor_c1_n30', means: 'one at a time, 30 instances: median over the floor', atMost: 1.3 },
  { name: 'p50_n3000_over_n30_c1', means: 'one at a time: 3,000 instances over 30', atMost: 1.2 },
  { name: 'rps_n3000_over_n30_c64', means: 'throughput at 64: 3,000 instances over 30', atLeast: 0.7 },
  { name: 'replies_over_450ms', means: 'replies over 450 ms, 3 to 300 instances', atMost: 0 },
  { name: 'throughput_over_unbatched_c64', means: 'throughput over one POST per message', atLeast: 6 },
  { name: 'throughput_over_unbatched_c64_10ms', means: 'the same over a network of 10 ms', atLeast: 3 },
  {
    name: 'relay_cpu_over_unbatched_c64',
    means: "the relay's CPU per message over one POST per message",
    atMost: 0.15,
  },
  { name: 'throughput_over_replaced_n30', means: 'throughput over the replaced service, 30 instances', atLeast: 120 },
  { name: 'throughput_over_replaced_n300', means: 'the same with 300', atLeast: 1000 },
  { name: 'invocations_per_allocation_c64', means: 'invocations per allocation at 64', atMost: 0.06 },
  { name: 'redis_commands_per_allocation_c64', means: 'Redis commands per allocation at 64', atMost: 1.4 },
  { name: 'consul_calls_per_view_at_1000', means: 'Consul calls per environment and 2 s, 1,000 a second', atMost: 1 },
  { name: 'prometheus_calls_per_view_at_1000', means: 'Prometheus calls, the same', atMost: 1 },
  { name: 'cold_init_over_bare', means: 'cold start: init over a bare handler', atMost: 1.3 },
  { name: 'cold_first_reply_over_bare_n30', means: 'cold start to the first reply, 30 instances', atMost: 2 },
  { name: 'cold_first_reply_over_bare_n300', means: 'the same with 300', atMost: 2.5 },
  { name: 'assign_bundle_bytes', means: 'bytes that a start of `assign` reads', atMost: 130_000 },
  {
    name: 'cold_success_within_450ms',
    means: 'first requests with all cold, SSM included, within 450 ms',
    atLeast: 20,
  },
  { name: 'steady_lost', means: 'the long run: requests without a reply', atMost: 0 },
  { name: 'steady_p99_over_floor_p99', means: "the long run: 99th percentile over the floor's", atMost: 2 },
  { name: 'steady_over_450ms', means: 'the long run: replies over 450 ms', atMost: 0 },
  { name: 'steady_heap_mib_per_min', means: 'the long run: growth of the heaps, MiB a minute', atMost: 1 },
  { name: 'script_n3000_over_n30_single', means: "the script's CPU: 3,000 instances over 30", atMost: 3 },
  { name: 'script_commands_per_batch64', means: 'Redis commands of a batch of 64', atMost: 72 },
];

export type Figures = Readonly<Record<string, number>>;

/** `met` or `missed`; with a spread on both sides of the goal the machine's noise does not allow to be sure. */
export type Verdict = 'met' | 'missed' | 'met, within the noise' | 'missed, within the noise' | 'not measured';

export function judge(goal: Goal, figures: Figures): Verdict {
  const value = figures[goal.name];
  if (value === undefined) return 'not measured';
  const verdict = reaches(goal, value) ? 'met' : 'missed';
  const ends = [figures[`${goal.name}_min`] ?? value, figures[`${goal.name}_max`] ?? value];
  const isSure = ends.every((end) => reaches(goal, end) === (verdict === 'met'));
  return isSure ? verdict : `${verdict}, within the noise`;
}

export function goalText({ atMost, atLeast }: Goal): string {
  return atMost === undefined ? `at least ${atLeast?.toLocaleString('en')}` : `at most ${atMost.toLocaleString('en')}`;
}

function reaches({ atMost, atLeast }: Goal, value: number): boolean {
  return value <= (atMost ?? Number.POSITIVE_INFINITY) && value >= (atLeast ?? Number.NEGATIVE_INFINITY);
}
