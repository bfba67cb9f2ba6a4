import type { DecidedFields } from '../../../lib/app/decision-lines.ts';
import { type DecideAgainOptions, decideAgain, type KnownSnapshot, removeKeys } from './decide-again.ts';
import { type LoggedDecision, type LoggedSnapshot, readLoggedLine } from './logged-lines.ts';

export interface Replayed {
  /** Decisions that were made again. */
  readonly decisions: number;
  /** How often each outcome had been logged, of these. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Decisions that came out otherwise; `differences` has the first of them. */
  readonly different: number;
  readonly differences: readonly Difference[];
  /** Decisions of which the log has not the snapshot, or not all of it. */
  readonly without_snapshot: number;
  /** Lines of the decision log that are cut off, or of another version. */
  readonly unreadable: number;
}

export interface Difference {
  readonly game_id: string;
  readonly at_ms: number;
  readonly level: string;
  readonly logged: DecidedFields;
  readonly now: DecidedFields;
}

export interface ReplayOptions extends Omit<DecideAgainOptions, 'prefix'> {
  /** All keys begin with it; they are removed at the end, also after a failure. */
  readonly prefix: string;
  /** Whether another score of the same winner is a difference. */
  readonly compareScores: boolean;
  /** Told now and then how many there are so far. */
  readonly onProgress: (decisions: number) => void;
  readonly stop: AbortSignal;
}

/** At once: between two decisions of one there is the way to Redis. */
const AT_ONCE = 32;
const MOST_DIFFERENCES = 1000;
const PROGRESS_EVERY = 500;

/** Makes every decision in `lines` again. Throws UpstreamError where Redis fails. */
export async function replayLog(lines: AsyncIterable<string>, options: ReplayOptions): Promise<Replayed> {
  const { prefix, onProgress, stop } = options;
  const log = readDecisions(lines);
  const outcomes: Record<string, number> = {};
  const differences: Difference[] = [];
  let decisions = 0;
  let different = 0;

  async function work(ownPrefix: string): Promise<void> {
    while (!stop.aborted) {
      const { value, done } = await log.decisions.next();
      if (done) return;
      const { decision, snapshot } = value;
      const now = await decideAgain(decision, snapshot, { ...options, prefix: ownPrefix });
      decisions += 1;
      outcomes[decision.outcome] = (outcomes[decision.outcome] ?? 0) + 1;
      if (decisions % PROGRESS_EVERY === 0) onProgress(decisions);
      const logged = toFields(decision);
      if (isSame(logged, now, options.compareScores)) continue;
      different += 1;
      const { game_id, at_ms, level } = decision;
      if (differences.length < MOST_DIFFERENCES) differences.push({ game_id, at_ms, level, logged, now });
    }
  }

  const prefixes = Array.from({ length: AT_ONCE }, (_, number) => `${prefix}:${number}`);
  // Each is let come to its end, so that what is removed then does not come back.
  const ended = await Promise.allSettled(prefixes.map(work));
  const failed = ended.find(({ status }) => status === 'rejected');
  await removeKeys(options.redis, prefixes).catch((error: unknown) => {
    if (failed === undefined) throw error;
  });
  if (failed?.status === 'rejected') throw failed.reason;
  return { decisions, outcomes, different, differences, ...log.leftOut() };
}

interface Known {
  readonly decision: LoggedDecision;
  readonly snapshot: KnownSnapshot;
}

/** The decisions in `lines` with their snapshots: those which come before it, as lines of several processes may, last. */
function readDecisions(lines: AsyncIterable<string>) {
  const snapshots = new Map<string, KnownSnapshot>();
  let early: LoggedDecision[] = [];
  let unreadable = 0;

  function known(decision: LoggedDecision): Known | undefined {
    const snapshot = snapshots.get(decision.snapshot);
    const isWhole = snapshot !== undefined && decision.candidates.every(({ id }) => snapshot.instances.has(id));
    return isWhole ? { decision, snapshot } : undefined;
  }

  async function* read(): AsyncGenerator<Known, void> {
    for await (const text of lines) {
      const line = readLoggedLine(text);
      if (line === 'unreadable') unreadable += 1;
      else if (line?.kind === 'fleet_snapshot') addTo(snapshots, line);
      else if (line !== undefined) {
        const found = known(line);
        if (found) yield found;
        else early.push(line);
      }
    }
    const waiting = early;
    early = [];
    for (const decision of waiting) {
      const found = known(decision);
      if (found) yield found;
      else early.push(decision);
    }
  }
  return { decisions: read(), leftOut: () => ({ without_snapshot: early.length, unreadable }) };
}

function addTo(snapshots: Map<string, KnownSnapshot>, line: LoggedSnapshot): void {
  const { snapshot, rule, newest_sample_s, instances } = line;
  const whole = snapshots.get(snapshot) ?? {
    rule,
    ...(newest_sample_s !== undefined && { newest_sample_s }),
    instances: new Map(),
  };
  for (const instance of instances) whole.instances.set(instance.id, instance);
  snapshots.set(snapshot, whole);
}

function toFields({ outcome, winner, winner_score, runner_up, runner_up_score }: LoggedDecision): DecidedFields {
  return {
    outcome,
    ...(winner !== undefined && { winner }),
    ...(winner_score !== undefined && { winner_score }),
    ...(runner_up !== undefined && { runner_up }),
    ...(runner_up_score !== undefined && { runner_up_score }),
  };
}

function isSame(a: DecidedFields, b: DecidedFields, withScores: boolean): boolean {
  if (a.outcome !== b.outcome || a.winner !== b.winner) return false;
  return (
    !withScores ||
    (a.winner_score === b.winner_score && a.runner_up === b.runner_up && a.runner_up_score === b.runner_up_score)
  );
}
