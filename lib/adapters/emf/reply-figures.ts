import type { Allocate } from '../../api/allocate.ts';
import { FAILURES, type FailureCode, type Reply } from '../../api/outcomes.ts';
import type { Clock } from '../../app/ports.ts';
import type { DegradedSource } from '../../domain/fleet.ts';

/** In deploy/aws/alarms.yml too. */
const NAMESPACE = 'GameAllocator';

/** Every name that a figure can have, so that what it costs is known: CloudWatch bills each by the month. */
type Figure = 'replies' | 'degraded' | `degraded_${DegradedSource}` | FailureCode;

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

export interface ReplyFigures {
  /** The same Allocate, which counts what it replies. */
  counted(allocate: Allocate): Allocate;
}

export interface ReplyFiguresOptions {
  readonly stage: string;
  readonly clock: Clock;
  /** Gets one line of JSON without a line feed. It must go to the log as it is, whatever its level and format. */
  readonly write: (line: string) => void;
}

/**
 * Counts replies by their code, and those made without Consul or Prometheus, for CloudWatch's embedded metric format: one
 * line of JSON in the log, which CloudWatch turns into metrics. 620 bytes when all is well, some 50 more for each further
 * figure; a line is written before an answer is given and never by a timer, since an idle environment is frozen. What
 * the last answers before a pause came to is therefore told with the next one.
 */
export function createReplyFigures({ stage, clock, write }: ReplyFiguresOptions): ReplyFigures {
  let counts = new Map<Figure, number>();
  let writtenAtMs = Number.NEGATIVE_INFINITY;

  function add(figure: Figure): void {
    counts.set(figure, (counts.get(figure) ?? 0) + 1);
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
    write(toLine(counts, stage, nowMs));
    writtenAtMs = nowMs;
    counts = new Map();
  }

  return {
    counted: (allocate) => async (items, signal) => {
      const replies = await allocate(items, signal);
      for (const reply of replies) count(reply);
      writeIfDue();
      return replies;
    },
  };
}

function toLine(counts: ReadonlyMap<Figure, number>, stage: string, nowMs: number): string {
  const figures = { ...Object.fromEntries(ALWAYS.map((name) => [name, 0])), ...Object.fromEntries(counts) };
  const Metrics = Object.keys(figures).map((Name) => ({ Name, Unit: 'Count' }));
  const CloudWatchMetrics = [{ Namespace: NAMESPACE, Dimensions: [['Stage']], Metrics }];
  return JSON.stringify({ _aws: { Timestamp: nowMs, CloudWatchMetrics }, Stage: stage, ...figures });
}

/** The names of all figures that there can be. */
export const FIGURES: readonly string[] = [
  'replies',
  'degraded',
  ...DEGRADED.map((source) => `degraded_${source}`),
  ...Object.keys(FAILURES),
];
