export interface FleetOptions {
  /** Consul's HTTP origin, e.g. http://127.0.0.1:28500. */
  readonly consulUrl: string;
  /** With it the instances' load follows the game records there; without it only the background and `setLoad`. */
  readonly redisUrl?: string;
  /** Prometheus's file_sd JSON, written by rename; its folder must exist. */
  readonly targetsFile: string;
  /** How many, 1 to 10,000. */
  readonly instances: number;
  /** 2, 4 and 8 cores with 4, 8 and 16 GiB in turn instead of 4 cores and 8 GiB each. */
  readonly mixed?: boolean;
  /** Games that each instance says it can take at most (`max_games`); absent: it says nothing of that. */
  readonly maxGames?: number;
  /** Between two health checks of one instance; default 1 s, from 50 instances on 20 ms for each instance. */
  readonly consulCheckIntervalMs?: number;
}

/** What an instance uses right now. */
export interface Load {
  readonly cpuCores: number;
  readonly memoryBytes: number;
}

export interface FleetInstance {
  /** Consul's service ID. */
  readonly id: string;
  /** Its own loopback address: what the allocator answers as instance_id. */
  readonly address: string;
  readonly port: number;
  /** Capacity, not use. */
  readonly cpuCores: number;
  readonly memoryBytes: number;
  readonly maxGames?: number;
  /** How many games' records name it. */
  readonly games: number;
}

/** What PATCH /fleet/<id> of the fleet's process takes: what is absent stays as it is. */
export interface InstanceChange {
  /** Holds it at a load, takes its metrics away, or lets it follow its games again. */
  readonly load?: Load | 'no-metrics' | 'games';
  readonly health?: 'passing' | 'critical';
  readonly maintenance?: boolean;
  readonly draining?: boolean;
  /** Whether it is there at all: false takes it out, true brings it back. */
  readonly present?: boolean;
}

/** Every `id` below may be an instance's id or its address. */
export interface Fleet {
  readonly instances: readonly FleetInstance[];
  /** The true load at this moment, which Prometheus knows up to a scrape (RAM) or half a minute (CPU rate) later. */
  load(id: string): Load;
  /** Holds an instance at a load, takes its metrics away, or (undefined) lets it follow its games again. */
  setLoad(id: string, load: Load | 'no-metrics' | undefined): void;
  /** Consul notices with its next check. */
  setHealth(id: string, health: 'passing' | 'critical'): void;
  /** Consul's own maintenance mode. */
  setMaintenance(id: string, on: boolean): Promise<void>;
  /** Registers it anew with or without `draining` in its Meta. */
  setDraining(id: string, draining: boolean): Promise<void>;
  /** Deregisters an instance and closes its listener. */
  remove(id: string): Promise<void>;
  /** Brings back an instance that was removed, at its address and under its id. */
  restore(id: string): Promise<void>;
  /** Removes all. May be called again. */
  stop(): Promise<void>;
}
