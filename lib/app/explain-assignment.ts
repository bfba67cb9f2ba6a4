import { type CandidateChoice, createCandidateChooser } from '../domain/candidate-choice.ts';
import { type CandidateReason, rankCandidates } from '../domain/candidate-ranking.ts';
import { assignmentLooksAt } from '../domain/candidate-walk.ts';
import { type Decision, decisionInWords } from '../domain/decision-in-words.ts';
import type { FleetView, Instance } from '../domain/fleet.ts';
import { indexOf, newestSampleS } from '../domain/fleet-index.ts';
import { matcherOf } from '../domain/selector.ts';
import type { InsightCall, InsightOptions } from './insight-call.ts';
import type { AssignmentExplanation, ExplainedInstance } from './insight-results.ts';
import type { Explanation, PlacementResult, Presence } from './placement.ts';
import type { ExplainRequest, Outcome } from './service-requests.ts';
import { isGoneFrom, unreportedInstance } from './unreported-instance.ts';

/** Decides as `assign` would, among all that take games, and writes nothing. Never throws. */
export function createExplainAssignment(options: InsightOptions) {
  const { serviceName, placement, clock, log, reassigns, strategy, packCeiling } = options;
  const chooser = createCandidateChooser(options.random);

  async function explain(request: ExplainRequest, choice: CandidateChoice, { opened, presence, signal }: InsightCall) {
    const { view } = opened;
    const { require, prefer, ...rest } = request;
    const tiers = choice.requests[0]?.tiers;
    const ask = (told: Presence | undefined): Promise<Explanation> =>
      placement.explain(
        {
          candidates: choice.instances.map((instance) => ({ instance, sample: view?.load.samples.get(instance.id) })),
          newestSampleS: view && newestSampleS(view.load),
          requests: [{ ...rest, op: 'assign', ...(tiers && { tiers }) }],
          ...(told && { presence: told }),
        },
        signal,
      );
    const told = presence();
    const first = await ask(told);
    // As an assignment does, where its first call did not say of the game's instance that it is gone.
    const unreported = reassigns ? unreportedInstance(first.result, view, told) : undefined;
    return unreported === undefined ? first : ask(presence([unreported]));
  }

  return async (request: ExplainRequest, call: InsightCall): Promise<Outcome> => {
    const { view } = call.opened;
    const eligible = view === undefined ? [] : indexOf(view.list).eligible;
    const choice = chooser.all(eligible, [request]);
    let explained: Explanation;
    try {
      explained = await explain(request, choice, call);
    } catch (error) {
      log.warning('explanation_failed', {}, error);
      return { kind: 'upstream_unavailable' };
    }
    const decided = toDecision(explained.result);
    if (decided === undefined) return { kind: 'deadline_exceeded' };
    // Nobody could say who is there.
    if (view === undefined && decided.decision === 'no_candidate') return { kind: 'upstream_unavailable' };

    const packs = (request.strategy ?? strategy) === 'pack';
    const tierOf = tiersByPosition(choice);
    const chosen = decided.decision === 'placed' ? decided.instanceId : undefined;
    const ranked = rankCandidates(explained.candidates, tierOf, chosen, { packs, packCeiling });
    const rows: ExplainedInstance[] = [
      ...ranked.map(({ candidate, reason }) => ({ instanceId: candidate.instanceId, reason, figures: candidate })),
      ...othersOf(view, choice, request),
    ];
    const instances = decided.decision === 'recorded' ? recordedFirst(rows, decided.instanceId) : rows;
    const looksAt = assignmentLooksAt(choice.instances.length);
    const message = decisionInWords({
      ...decided,
      instances: instances.map(({ figures, ...row }) => ({ ...figures, ...row })),
      isGone: view !== undefined && decided.instanceId !== undefined && isGoneFrom(view, decided.instanceId),
      unmatched: choice.requests[0]?.unmatched === true,
      packCeiling: packs ? packCeiling : undefined,
      ...(choice.requests[0]?.tiers === undefined &&
        looksAt < choice.instances.length && { part: { looksAt, of: choice.instances.length } }),
    });
    const explanation: AssignmentExplanation = {
      serviceName,
      atMs: clock(),
      decision: decided.decision,
      ...(decided.instanceId !== undefined && { instanceId: decided.instanceId }),
      message,
      gameCpuCores: explained.gameCpuCores,
      gameMemoryBytes: explained.gameMemoryBytes,
      degraded: view?.degraded ?? ['consul'],
      instances,
    };
    return { kind: 'explained', explanation };
  };
}

interface Decided {
  readonly decision: Decision;
  readonly instanceId?: string;
  readonly moves: boolean;
}

/** Undefined where there was no time to decide. */
function toDecision(result: PlacementResult): Decided | undefined {
  switch (result.kind) {
    case 'placed':
      return { decision: 'placed', instanceId: result.instanceId, moves: result.reassigned };
    case 'recorded':
      return { decision: 'recorded', instanceId: result.instanceId, moves: false };
    case 'foreign_record':
      return { decision: 'conflict', moves: false };
    case 'no_candidate':
    case 'no_capacity':
    case 'too_many_games':
      return { decision: result.kind, moves: false };
    default:
      return undefined;
  }
}

function tiersByPosition({ requests: [request] }: CandidateChoice): (position: number) => number {
  const tiers = new Map(request?.tiers?.flatMap((tier, number) => tier.map((position) => [position, number])));
  return (position) => tiers.get(position) ?? 0;
}

/** What the rule did not look at, and why, in the list's order. */
function othersOf(view: FleetView | undefined, choice: CandidateChoice, { require = [] }: ExplainRequest) {
  const seen = new Set(choice.instances);
  const isFit = matcherOf(require);
  const rows = (view?.list.instances ?? []).flatMap((instance): readonly ExplainedInstance[] =>
    seen.has(instance) ? [] : [{ instanceId: instance.id, reason: whyNotSeen(instance, isFit(instance)) }],
  );
  return rows.sort((a, b) => UNSEEN.indexOf(a.reason) - UNSEEN.indexOf(b.reason));
}

const UNSEEN: readonly CandidateReason[] = ['not_considered', 'not_selected', 'draining', 'not_taking', 'failing'];

function whyNotSeen({ status, draining }: Instance, isFit: boolean): CandidateReason {
  switch (status) {
    case 'gone':
      return 'failing';
    case 'listed':
      return draining ? 'draining' : 'not_taking';
    case 'eligible':
      // There are more of them than one call looks at.
      return isFit ? 'not_considered' : 'not_selected';
  }
}

function recordedFirst(rows: readonly ExplainedInstance[], instanceId: string | undefined): ExplainedInstance[] {
  const home = rows.filter((row) => row.instanceId === instanceId);
  const others = rows.filter((row) => row.instanceId !== instanceId);
  return [...home.map((row): ExplainedInstance => ({ ...row, reason: 'recorded' })), ...others];
}
