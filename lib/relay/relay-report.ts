import type { TrafficFigures } from './recent-traffic.ts';
import type { UpstreamFailures } from './upstream-failures.ts';

/** What `GET /relay` answers: how this relay is. Counts are since its start. */
export interface RelayReport extends TrafficFigures {
  readonly success: true;
  /** ms since 1970. */
  readonly at_ms: number;
  readonly uptime_s: number;
  readonly version: string;
  readonly service: string;
  /** The state of its door on NATS. */
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
  readonly upstream_failures: UpstreamFailures;
}
