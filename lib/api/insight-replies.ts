import type { CandidateState } from '../app/placement.ts';
import type { CandidateReason } from '../domain/candidate-ranking.ts';
import type { Decision } from '../domain/decision-in-words.ts';
import type { SourceState } from '../domain/fleet.ts';

/** The reply to `fleet`: what the allocator sees, and what the rule goes by. Shares are of an instance's capacity. */
export interface FleetReply {
  readonly success: true;
  readonly service: string;
  /** When this was put together, ms since 1970. */
  readonly at_ms: number;
  /** The sources that are degraded. */
  readonly degraded?: readonly string[];
  readonly sources: Readonly<Record<'consul' | 'prometheus' | 'redis', SourceReport>>;
  /** What one game is expected to use; absent without Redis. */
  readonly game?: GameUse;
  /** What `recent` of an instance is counted in: buckets, and when the newest began, s since 1970; absent without Redis. */
  readonly recent?: { readonly bucket_s: 30; readonly newest_at_s: number };
  /** Ids of instances whose checks fail, at most 100. */
  readonly failing: readonly string[];
  /** In the order of their ids. */
  readonly instances: readonly FleetInstance[];
}

export interface SourceReport {
  readonly state: SourceState['state'];
  /** Age of what is used of it; absent: nothing is kept of it. */
  readonly age_ms?: number;
}

export interface GameUse {
  readonly cpu_cores: number;
  readonly memory_bytes: number;
}

export interface FleetInstance extends GameFigures {
  readonly instance_id: string;
  readonly port?: number;
  /** `not_taking`: in maintenance, or with a warning. */
  readonly status: 'eligible' | 'draining' | 'not_taking';
  /** What it can carry. */
  readonly cpu_cores: number;
  readonly memory_bytes: number;
  readonly max_games?: number;
  /** As measured: cores, bytes, and how long ago, s; absent: it has no complete sample. */
  readonly cpu_used?: number;
  readonly memory_used?: number;
  readonly sample_age_s?: number;
  /** Games placed in each of the last 10 buckets, the newest first. */
  readonly recent?: readonly number[];
}

/** What the rule knows of an instance; absent where it did not look, or Redis could not be asked. */
interface GameFigures {
  readonly state?: CandidateState;
  /** Expected use as shares of its capacity: of `fleet` as it is, of `explain` with the game. */
  readonly cpu?: number;
  readonly ram?: number;
  /** Games' worth that its sample does not show yet. */
  readonly cpu_pending?: number;
  readonly ram_pending?: number;
  /** Games that hold a place on it. */
  readonly games?: number;
}

/** The reply to `explain`: what the same assign would come to now. */
export interface ExplainReply {
  readonly success: true;
  readonly service: string;
  readonly at_ms: number;
  readonly degraded?: readonly string[];
  readonly decision: Decision;
  /** With `placed` and `recorded`. */
  readonly instance_id?: string;
  /** One sentence for people: why. */
  readonly message: string;
  readonly game: GameUse;
  /** Every instance, the best first. */
  readonly candidates: readonly ExplainedCandidate[];
}

export interface ExplainedCandidate extends GameFigures {
  readonly instance_id: string;
  readonly reason: CandidateReason;
  readonly score?: number;
  readonly sample_age_s?: number;
}
