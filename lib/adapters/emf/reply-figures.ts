import type { Allocate } from '../../api/allocate.ts';
import { FAILURES, type FailureCode, type Reply } from '../../api/outcomes.ts';
import { createDistribution, type Distribution } from '../../app/distribution.ts';
import type { Meter } from '../../app/meter.ts';
import type { Clock } from '../../app/ports.ts';
import type { DegradedSource } from '../../domain/fleet.ts';
import { BOUNDS_MS, toHistogram } from './histogram.ts';

/** In deploy/aws/alarms.yml too. */
const NAMESPACE = 'GameAllocator';

/** Every name that a figure can have, so that what it costs is known: CloudWatch bills each by the month. */
type Figure = 'replies' | 'degraded' | `degraded_${DegradedSource}` | 'cold_starts' | FailureCode;

/** The same of those that are distributions, in ms. What the relay measures is not in a function. */
const DURATIONS = [
  'total_ms',
  'consul_ms',
  'prometheus_ms',
  'redis_ms',
  'view_age_consul_ms',
  'view_age_prometheus_ms',
] as const;
type Duration = (typeof DURATIONS)[number];

/** Those that alarms divide by one another are written as 0 too: a share of nothing is no figure, and no alarm. */
const ALWAYS = [
  'replies',
  'degraded',
  'no_capacity',
  'no_instance',
  'upstream_unavailable',
  'deadline_exceeded',
] as const satisfies readonly Figure[];

const DEGRADED = ['consul', 'prometheus'] as const satisfies readonly DegradedSource[];

/** As often as a line is written at the most, ms: an environment that is always busy writes one in so long. */
const EVERY_MS = 5000;

export interface ReplyFigures extends Meter {
  /** The same Allocate, which counts what it replies, and measures how long that takes. */
  counted(allocate: Allocate): Allocate;
}

export interface ReplyFiguresOptions {
  readonly stage: string;
  /** Whether somebody waited while this environment came to be. */
  readonly coldStart: boolean;
  readonly clock: Clock;
  /** Gets one line of JSON without a line feed. It must go to the log as it is, whatever its level and format. */
  readonly write: (line: string) => void;
}

/**
 * Counts replies by their code and those made without Consul or Prometheus, and measures what their time is spent on, for
 * CloudWatch's embedded metric format: one line of JSON in the log, which CloudWatch turns into metrics. It has 1,000
 * bytes after one request, 1,500 to 1,800 after hundreds, and 4,500 at the most. It is written before an answer is given and
 * never by a timer, since an idle environment is frozen. What the last answers before a pause came to is therefore told
 * with the next one. Measured: 0.5 µs for a request.
 */
export function createReplyFigures({ stage, coldStart, clock, write }: ReplyFiguresOptions): ReplyFigures {
  let counts = new Map<Figure, number>(coldStart ? [['cold_starts', 1]] : []);
  let durations = new Map<Duration, Distribution>();
  let writtenAtMs = Number.NEGATIVE_INFINITY;

  function add(figure: Figure): void {
    counts.set(figure, (counts.get(figure) ?? 0) + 1);
  }

  function measure(duration: Duration, ms: number): void {
    let distribution = durations.get(duration);
    if (distribution === undefined) {
      distribution = createDistribution(BOUNDS_MS);
      durations.set(duration, distribution);
    }
    distribution.add(ms);
  }

  function count(reply: Reply): void {
    add('replies');
    if (!reply.success) add(reply.code);
    const sources = 'degraded' in reply ? (reply.degraded ?? []) : [];
    if (sources.length > 0) add('degraded');
    for (const source of DEGRADED) if (sources.includes(source)) add(`degraded_${source}`);
  }

  function writeIfDue(): void {
    const nowMs = clock();
    // A clock that was set back must not silence it.
    if (nowMs >= writtenAtMs && nowMs - writtenAtMs < EVERY_MS) return;
    write(toLine(counts, durations, stage, nowMs));
    writtenAtMs = nowMs;
    counts = new Map();
    durations = new Map();
  }

  return {
    counted: (allocate) => async (items, signal) => {
      const begunAtMs = clock();
      const replies = await allocate(items, signal);
      measure('total_ms', Math.max(0, clock() - begunAtMs));
      for (const reply of replies) count(reply);
      writeIfDue();
      return replies;
    },
    stage: (name, ms) => {
      if (name !== 'queue' && name !== 'call') measure(`${name}_ms`, ms);
    },
    viewAge: (source, ms) => measure(`view_age_${source}_ms`, ms),
  };
}

function toLine(
  counts: ReadonlyMap<Figure, number>,
  durations: ReadonlyMap<Duration, Distribution>,
  stage: string,
  nowMs: number,
): string {
  const figures = {
    ...Object.fromEntries(ALWAYS.map((name) => [name, 0])),
    ...Object.fromEntries(counts),
    ...Object.fromEntries([...durations].map(([name, { spread }]) => [name, toHistogram(spread)])),
  };
  const Metrics = Object.entries(figures).map(([Name, value]) => {
    return { Name, Unit: typeof value === 'number' ? 'Count' : 'Milliseconds' };
  });
  const CloudWatchMetrics = [{ Namespace: NAMESPACE, Dimensions: [['Stage']], Metrics }];
  return JSON.stringify({ _aws: { Timestamp: nowMs, CloudWatchMetrics }, Stage: stage, ...figures });
}

/** The names of all figures that there can be. */
export const FIGURES: readonly string[] = [
  'replies',
  'degraded',
  ...DEGRADED.map((source) => `degraded_${source}`),
  'cold_starts',
  ...DURATIONS,
  ...Object.keys(FAILURES),
];
