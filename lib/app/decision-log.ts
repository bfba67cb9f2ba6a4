import type { FleetView } from '../domain/fleet.ts';
import { toDecisionLine, toSnapshotLine } from './decision-lines.ts';
import type { Candidate, Decision, PlacementCall } from './placement.ts';
import type { Log } from './ports.ts';
import type { ServiceRequest } from './service-requests.ts';

export const DECISION_LOGS = ['off', 'sample', 'all'] as const;
export type DecisionLogMode = (typeof DECISION_LOGS)[number];

/** The share of assign requests whose decision is logged. */
const SHARE: Readonly<Record<DecisionLogMode, number>> = { off: 0, sample: 0.01, all: 1 };

/** A placement call that was made for `requests`, in the same order, and how those that were to be told were decided. */
export interface DecidedCall {
  readonly requests: readonly ServiceRequest[];
  readonly call: PlacementCall;
  readonly view: FleetView;
  readonly decisions: readonly Decision[];
}

export interface DecisionLog {
  /** Positions of the requests whose decision is to be logged; undefined where there is none. */
  pick(requests: readonly ServiceRequest[]): readonly number[] | undefined;
  /** Never throws. */
  write(decided: DecidedCall): void;
}

export interface DecisionLogOptions {
  readonly mode: DecisionLogMode;
  readonly service: string;
  /** What is configured, as place.lua gets it. */
  readonly rule: object;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Gets one line of JSON without a line feed. It must go to the log as it is, whatever its level and format. */
  readonly write: (line: string) => void;
  readonly log: Log;
  /** Ids of the traces in which a call is made, separated by spaces. */
  readonly trace?: () => string | undefined;
}

/** A view of which something was told. */
interface Snapshot {
  readonly number: string;
  readonly view: FleetView;
  parts: number;
  /** Ids of the instances that its lines have. */
  readonly told: Set<string>;
}

/**
 * Logs how games got their instances, so that `replay` can decide again: a line for the decision, and one before it for
 * what was seen of its candidates, where no earlier line has that. A line has at most 64 KiB, and some 10 KB where
 * 32 candidates are named by their addresses. Undefined where nothing is logged.
 */
export function createDecisionLog(options: DecisionLogOptions): DecisionLog | undefined {
  const { service, rule, random, log } = options;
  const share = SHARE[options.mode];
  if (share === 0) return undefined;
  // The process's own id would not do: in containers and on Lambda all have the same.
  const word = random().toString(36).slice(2, 10);
  let snapshots = 0;
  let snapshot: Snapshot | undefined;
  let failed = false;

  function snapshotOf(view: FleetView): Snapshot {
    // Lists and reports never change: a new view has another one of them.
    if (snapshot?.view.list !== view.list || snapshot.view.load !== view.load) {
      snapshots += 1;
      snapshot = { number: `${word}-${snapshots}`, view, parts: 0, told: new Set() };
    }
    return snapshot;
  }

  function writeSnapshot(of: Snapshot, candidates: readonly Candidate[]): void {
    const untold = candidates.filter(({ instance }) => !of.told.has(instance.id));
    if (untold.length === 0) return;
    of.parts += 1;
    options.write(oneLine(toSnapshotLine({ service, snapshot: of.number, part: of.parts, rule }, of.view, untold)));
    for (const { instance } of untold) of.told.add(instance.id);
  }

  function writeAll({ requests, call, view, decisions }: DecidedCall): void {
    const of = snapshotOf(view);
    const trace = options.trace?.();
    for (const decision of decisions) {
      const request = requests[decision.request];
      if (request?.op !== 'assign') continue;
      const candidates = decision.candidates.flatMap(({ position }) => call.candidates[position] ?? []);
      writeSnapshot(of, candidates);
      const head = { service, snapshot: of.number, ...(trace && { trace }) };
      options.write(oneLine(toDecisionLine(head, decision, { request, call, view })));
    }
  }

  return {
    pick(requests) {
      const picked: number[] = [];
      for (const [position, { op }] of requests.entries()) {
        if (op === 'assign' && random() < share) picked.push(position);
      }
      return picked.length === 0 ? undefined : picked;
    },
    write(decided) {
      try {
        writeAll(decided);
      } catch (error) {
        // Once: whatever it is, the next decision has it too. The games are placed.
        if (!failed) log.warning('decision_log_failed', {}, error);
        failed = true;
      }
    },
  };
}

/** JSON leaves these as they are, and some readers of logs take them for the end of a line or act on them. */
function oneLine(line: object): string {
  return JSON.stringify(line).replaceAll(
    /[\p{Cc}\u2028\u2029]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
