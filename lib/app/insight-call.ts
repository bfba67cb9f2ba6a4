import type { OpenView } from './fleet-views.ts';
import type { Placement, Presence, Strategy } from './placement.ts';
import type { Clock, Log } from './ports.ts';
import type { InsightRequest, Outcome } from './service-requests.ts';

export interface InsightOptions {
  readonly serviceName: string;
  readonly placement: Placement;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Whether games are moved from instances that are gone. */
  readonly reassigns: boolean;
  /** For requests that name none. */
  readonly strategy: Strategy;
  /** Up to this score `pack` fills an instance. */
  readonly packCeiling: number;
}

/** What a look into the allocator starts from. */
export interface InsightCall {
  readonly opened: OpenView;
  /** What an assignment would tell of instances that are gone or back, and of `alsoGone`. */
  readonly presence: (alsoGone?: readonly string[]) => Presence | undefined;
  readonly signal: AbortSignal;
}

/** Answers what people ask who look into the allocator, and writes nothing. Never throws. */
export type ServeInsight = (request: InsightRequest, call: InsightCall) => Promise<Outcome>;
