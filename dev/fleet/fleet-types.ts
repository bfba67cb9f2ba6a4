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
  /** How many games' records name it. */
  readonly games: number;
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
  /** Deregisters an instance and closes its listener. */
  remove(id: string): Promise<void>;
  /** Removes all. May be called again. */
  stop(): Promise<void>;
}
