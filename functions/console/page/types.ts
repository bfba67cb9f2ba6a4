/** Replies as they come over HTTP; the allocator's own side of them is in lib/api. Keys that are not there are absent. */

export interface FleetReply {
  readonly success: true;
  readonly service: string;
  /** ms since 1970. */
  readonly at_ms: number;
  readonly degraded?: readonly string[];
  readonly sources: Readonly<Record<SourceName, SourceReport>>;
  readonly game?: { readonly cpu_cores: number; readonly memory_bytes: number };
  /** `newest_at_s`: start of the newest bucket, s since 1970. */
  readonly recent?: { readonly bucket_s: number; readonly newest_at_s: number };
  readonly failing: readonly string[];
  readonly instances: readonly FleetInstance[];
}

export type SourceName = 'consul' | 'prometheus' | 'redis';

export interface SourceReport {
  readonly state: 'ok' | 'degraded' | 'off';
  readonly age_ms?: number;
}

type PlacementState = 'sampled' | 'dark' | 'full' | 'not_selected';

export interface FleetInstance {
  readonly instance_id: string;
  readonly port?: number;
  readonly status: 'eligible' | 'draining' | 'not_taking';
  readonly cpu_cores: number;
  readonly memory_bytes: number;
  readonly max_games?: number;
  /** As measured: cores and bytes. */
  readonly cpu_used?: number;
  readonly memory_used?: number;
  readonly sample_age_s?: number;
  readonly state?: PlacementState;
  /** Expected use as shares of the capacity, what is pending included. */
  readonly cpu?: number;
  readonly ram?: number;
  readonly cpu_pending?: number;
  readonly ram_pending?: number;
  readonly games?: number;
  /** Games placed in each of the last 10 buckets, the newest first. */
  readonly recent?: readonly number[];
}

export interface ExplainReply {
  readonly success: true;
  readonly service: string;
  readonly at_ms: number;
  readonly degraded?: readonly string[];
  readonly decision: string;
  readonly instance_id?: string;
  readonly message: string;
  readonly game: { readonly cpu_cores: number; readonly memory_bytes: number };
  /** Best first. */
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  readonly instance_id: string;
  readonly reason: string;
  readonly state?: PlacementState;
  readonly score?: number;
  /** Shares of the capacity, with this game. */
  readonly cpu?: number;
  readonly ram?: number;
  readonly games?: number;
  readonly sample_age_s?: number;
}

export interface RelayReport {
  readonly uptime_s: number;
  readonly version: string;
  readonly nats: string;
  readonly in_flight: number;
  readonly received: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly rate_limited: number;
  readonly calls: number;
  readonly hedged: number;
  readonly retried: number;
  readonly late_replies: number;
  readonly lost_replies: number;
  readonly upstream_failures: Readonly<Record<string, number>>;
  readonly rates: { readonly requests_per_s: number; readonly failures_per_s: number };
  readonly latency_ms?: { readonly p50: number; readonly p95: number; readonly p99: number };
}

export interface AssignReply {
  readonly instance_id: string;
  readonly port?: number;
  readonly replayed?: boolean;
  readonly reassigned?: boolean;
  readonly degraded?: readonly string[];
}

export interface LookUpReply {
  readonly instance_id: string;
  readonly expires_in_s: number;
}
