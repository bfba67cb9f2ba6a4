import type { CandidateReason } from '../domain/candidate-ranking.ts';
import type { Decision } from '../domain/decision-in-words.ts';
import type { DegradedSource, Instance, Sample, SourceState, ViewSources } from '../domain/fleet.ts';
import type { CandidateExplanation, Explanation } from './placement.ts';

/** How the fleet is, as this process sees it. */
export interface FleetReport {
  readonly serviceName: string;
  /** When it was put together, ms since 1970. */
  readonly atMs: number;
  readonly sources: ViewSources & { readonly redis: SourceState };
  /** What the script knows beside each instance; absent where Redis could not be asked. */
  readonly rule?: Pick<Explanation, 'gameCpuCores' | 'gameMemoryBytes' | 'recentAtS'>;
  /** Ids of instances whose checks fail, MOST_FAILING of them at most. */
  readonly failing: readonly string[];
  /** All others, by their ids. */
  readonly instances: readonly ReportedInstance[];
}

export interface ReportedInstance {
  readonly instance: Instance;
  /** As measured, and how long ago that was, s. */
  readonly measured?: { readonly sample: Sample; readonly ageS: number };
  readonly figures?: CandidateExplanation;
}

/** What assigning a game would come to now, and why. */
export interface AssignmentExplanation {
  readonly serviceName: string;
  /** When it was put together, ms since 1970. */
  readonly atMs: number;
  readonly decision: Decision;
  /** With `placed` and `recorded`. */
  readonly instanceId?: string;
  /** One sentence for people. */
  readonly message: string;
  readonly gameCpuCores: number;
  readonly gameMemoryBytes: number;
  readonly degraded: readonly DegradedSource[];
  /** All instances of the view, the best first. */
  readonly instances: readonly ExplainedInstance[];
}

export interface ExplainedInstance {
  readonly instanceId: string;
  readonly reason: CandidateReason;
  /** Absent where the rule did not look at it. */
  readonly figures?: CandidateExplanation;
}
