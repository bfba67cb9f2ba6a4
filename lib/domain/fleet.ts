/**
 * Where an instance stands, from what Consul says of it:
 * `eligible` takes new games; `listed` keeps its games and takes no new ones (draining, maintenance, warning);
 * `gone` is failing its checks. An instance that Consul no longer has is simply not in the list.
 */
export type InstanceStatus = 'eligible' | 'listed' | 'gone';

/** A game server as callers know it, with what it can carry. */
export interface Instance {
  /** What callers get as `instance_id`: unique in the fleet and usable as NATS subject tokens. */
  readonly id: string;
  readonly port?: number;
  /** Where it is reached, where that is not its id. */
  readonly address?: string;
  /** Ports of its REST and its gRPC interface, where it says that it has them. */
  readonly restPort?: number;
  readonly grpcPort?: number;
  readonly status: InstanceStatus;
  /** It is listed only because it says that it is draining: all of its checks pass. */
  readonly draining?: true;
  /** CPU cores, above 0. */
  readonly cpuCores: number;
  /** RAM in bytes, above 0. */
  readonly memoryBytes: number;
  /** Games that it may have at once, a whole number of at least 1; absent: as many as it can carry. */
  readonly maxGames?: number;
  /** What it says of itself, for requests that select by it; within SELECTABLE_MOST and SELECTABLE_LENGTH. */
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
}

export function addressOf({ address, id }: Instance): string {
  return address ?? id;
}

/** Whether all of its checks pass. */
export function isHealthy({ status, draining }: Instance): boolean {
  return status === 'eligible' || draining === true;
}

/** Who is there, as one discovery answer says. */
export interface FleetList {
  readonly instances: readonly Instance[];
  /** Entries left out because their id cannot be used as NATS subject tokens, or they could not be read. */
  readonly unusable: number;
  /** Entries that name an instance already in the list; their capacities were added to it. */
  readonly duplicates: number;
}

/** An instance's load as measured. Complete or absent: an instance with only some of it is unknown, never idle. */
export interface Sample {
  /** When it was measured, seconds since 1970, by the exporter's or Prometheus's clock. */
  readonly atS: number;
  /** CPU in use, cores, >= 0. */
  readonly cpuCores: number;
  /** RAM in use, bytes, >= 0. */
  readonly memoryBytes: number;
}

/** How loaded they are, as one metrics answer says; keyed by instance id. */
export interface LoadReport {
  readonly samples: ReadonlyMap<string, Sample>;
}

/** The outside systems whose absence a success reply names. */
export type DegradedSource = 'consul' | 'prometheus';

/** How what a view was made of stood when it was made. */
export interface SourceState {
  /** `degraded`: it could not be asked, or not believed; `off`: it is not configured. */
  readonly state: 'ok' | 'degraded' | 'off';
  /** Age of what is used of it, ms; absent: nothing is. */
  readonly ageMs?: number;
}
export type ViewSources = Readonly<Record<DegradedSource, SourceState>>;

/** What a list that was had and believed says of instances that cannot have games any more. */
export interface Absence {
  /** When Consul was asked for the list, ms since 1970 by our clock. */
  readonly askedAtMs: number;
  /** Instances that fail their checks, and those that were listed or recorded and are not in the list. */
  readonly gone: readonly string[];
}

/** Everything that a decision sees of the fleet. */
export interface FleetView {
  readonly list: FleetList;
  readonly load: LoadReport;
  /** The sources that could not be asked, or not believed, when this was needed. */
  readonly degraded: readonly DegradedSource[];
  /** Absent where `degraded` names consul: who is missing may then be there. */
  readonly absence?: Absence;
}
