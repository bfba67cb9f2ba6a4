import { Redis } from 'ioredis';

/** Calls and microseconds since the server's start, by command in lower case. */
export type CommandStats = ReadonlyMap<string, { readonly calls: number; readonly us: number }>;

export interface RedisStats {
  read(): Promise<CommandStats>;
  /** Forgets loaded scripts, as a Redis that has never seen them. */
  flushScripts(): Promise<void>;
  close(): void;
}

/** What connecting and measuring cost is nobody's request; Upstash bills none of it. */
const NOT_COUNTED = /^(info|config|script|hello|client|select|auth|ping|command)\b/;

export function openRedisStats(url: string): RedisStats {
  const redis = new Redis(url, { protocol: 2 });
  return {
    read: async () => parseCommandStats(await redis.info('commandstats')),
    flushScripts: async () => void (await redis.script('FLUSH')),
    close: () => redis.disconnect(),
  };
}

/** The lines of INFO commandstats: `cmdstat_evalsha:calls=3,usec=900,usec_per_call=300.00,...`. */
export function parseCommandStats(text: string): CommandStats {
  const lines = [...text.matchAll(/^cmdstat_([^:\s]+):calls=(\d+),usec=(\d+)/gm)];
  return new Map(lines.map(([, name = '', calls, us]) => [name, { calls: Number(calls), us: Number(us) }]));
}

/** Commands between two readings, those inside scripts included: Upstash bills each. */
export function commandsBetween(before: CommandStats, after: CommandStats): number {
  let commands = 0;
  for (const [name, { calls }] of after) {
    if (!NOT_COUNTED.test(name)) commands += calls - (before.get(name)?.calls ?? 0);
  }
  return commands;
}

/** What one command cost the server between two readings. */
export function costBetween(name: string, before: CommandStats, after: CommandStats) {
  const calls = (after.get(name)?.calls ?? 0) - (before.get(name)?.calls ?? 0);
  const us = (after.get(name)?.us ?? 0) - (before.get(name)?.us ?? 0);
  return { calls, us };
}
