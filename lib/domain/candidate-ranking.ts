/** Why a request gets an instance, or another one. */
export type CandidateReason =
  /** It gets this one. */
  | 'chosen'
  /** The game is recorded here, and so it stays. */
  | 'recorded'
  /** Another one has a lower score, or the same and comes first. */
  | 'higher_score'
  /** By `pack`: another one is fuller and has room all the same. */
  | 'lower_score'
  /** By `pack`: it would be filled beyond the ceiling. */
  | 'above_ceiling'
  /** By `pack`: nobody knows how full it is. */
  | 'unmeasured'
  /** It is not what settings.prefer says, and another one is. */
  | 'less_preferred'
  /** It has as many games as it may have. */
  | 'full'
  /** Nothing was to be chosen: see the decision. */
  | 'not_considered'
  /** It is not what settings.require says. */
  | 'not_selected'
  | 'draining'
  /** In maintenance, or one of its checks warns. */
  | 'not_taking'
  /** One of its checks fails. */
  | 'failing';

/** A candidate as the rule judged it. */
export interface JudgedCandidate {
  readonly instanceId: string;
  readonly state: 'sampled' | 'dark' | 'full' | 'not_selected';
  /** Absent where it was not scored. */
  readonly score?: number;
}

export interface RankingRule {
  readonly packs: boolean;
  /** Up to this score `pack` fills an instance. */
  readonly packCeiling: number;
}

export interface Ranked<Candidate extends JudgedCandidate> {
  readonly candidate: Candidate;
  readonly reason: CandidateReason;
}

/**
 * The candidates in the order in which they would be taken, each with the reason.
 * @param tierOf the preference group of a candidate, by its position; the lower, the rather
 * @param chosenId the one that the rule has chosen; undefined where it has chosen none
 */
export function rankCandidates<Candidate extends JudgedCandidate>(
  candidates: readonly Candidate[],
  tierOf: (position: number) => number,
  chosenId: string | undefined,
  rule: RankingRule,
): readonly Ranked<Candidate>[] {
  const entries = candidates.map((candidate, position) => ({ candidate, tier: tierOf(position) }));
  const chosen = entries.find(({ candidate }) => candidate.instanceId === chosenId);
  return entries
    .map((entry) => ({ ...entry, reason: reasonFor(entry, chosen, rule), order: orderOf(entry, rule) }))
    .sort((a, b) => compare(a.reason === 'chosen' ? FIRST : a.order, b.reason === 'chosen' ? FIRST : b.order))
    .map(({ candidate, reason }) => ({ candidate, reason }));
}

interface Entry {
  readonly candidate: JudgedCandidate;
  readonly tier: number;
}

function reasonFor(entry: Entry, chosen: Entry | undefined, { packs, packCeiling }: RankingRule): CandidateReason {
  const { state, score } = entry.candidate;
  if (entry === chosen) return 'chosen';
  if (state === 'full' || state === 'not_selected') return state;
  if (packs && state === 'dark') return 'unmeasured';
  if (chosen === undefined) return 'not_considered';
  if (entry.tier > chosen.tier) return 'less_preferred';
  if (!packs || isAbove(packCeiling, chosen.candidate.score)) return 'higher_score';
  return isAbove(packCeiling, score) ? 'above_ceiling' : 'lower_score';
}

/** Position by position the least is the first. */
type Order = readonly number[];
const FIRST: Order = [-1];

function orderOf({ candidate: { state, score = Number.POSITIVE_INFINITY }, tier }: Entry, rule: RankingRule): Order {
  if (state === 'not_selected') return [2];
  if (state === 'full') return [1, tier, score];
  if (!rule.packs) return [0, tier, 0, score];
  if (state === 'dark') return [0, tier, 2, score];
  return isAbove(rule.packCeiling, score) ? [0, tier, 1, score] : [0, tier, 0, -score];
}

function isAbove(ceiling: number, score: number | undefined): boolean {
  return score !== undefined && score > ceiling;
}

function compare(a: Order, b: Order): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value - other;
  }
  return 0;
}
