import type { FleetList, LoadReport } from '../domain/fleet.ts';
import type { LogFields } from './log-fields.ts';

export type { LogFields } from './log-fields.ts';

/** Milliseconds since 1970. The wall clock and not a monotonic one: a frozen Lambda environment stops the latter. */
export type Clock = () => number;

/**
 * One line each. `event` is a fixed snake_case code that an operator can search for; the fields that there are, are
 * listed in log-fields.ts.
 * ERROR: a person must act. WARNING: degraded, and it heals by itself.
 */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  /** `error`'s message and causes are logged by their type and code, never by their text alone. */
  warning(event: string, fields?: LogFields, error?: unknown): void;
  error(event: string, fields?: LogFields, error?: unknown): void;
}

/** Who is there. Throws only UpstreamError. */
export interface Discovery {
  list(signal: AbortSignal): Promise<FleetList>;
}

/** How loaded they are. Throws only UpstreamError. */
export interface Metrics {
  load(signal: AbortSignal): Promise<LoadReport>;
}

/** A Lua script and its SHA-1 in lower-case hex. */
export interface Script {
  readonly source: string;
  readonly sha1: string;
}

/**
 * The few Redis commands that are needed, each one round trip (a script that the server does not know yet: two).
 * Throws only UpstreamError; `outcome: 'unknown'` where the command may have been carried out.
 */
export interface RedisClient {
  /** Runs a script that returns JSON text, and returns that text. */
  runScript(script: Script, keys: readonly string[], args: readonly string[], signal: AbortSignal): Promise<string>;
  /** The value under `key` to the letter, or undefined where there is none. */
  get(key: string, signal: AbortSignal): Promise<string | undefined>;
  /** Sets `key` for `ttlS` seconds. */
  set(key: string, value: string, ttlS: number, signal: AbortSignal): Promise<void>;
}

/** Secret values by the last part of their name under the configured path. Throws only UpstreamError. */
export interface SecretStore {
  read(names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}
