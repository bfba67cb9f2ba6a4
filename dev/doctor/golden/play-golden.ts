import { createHash } from 'node:crypto';
import type { RedisClient, Script } from '../../../lib/app/ports.ts';
import { createLuaPlacement } from '../../../lib/placement/lua-placement.ts';
import type { Asking } from '../ask.ts';
import { type GoldenDecision, runGolden } from './golden.ts';

export interface GoldenResult {
  /** How many were played to their end. */
  readonly played: number;
  /** The rules that came out otherwise, with how. */
  readonly differences: readonly { readonly rule: string; readonly how: readonly string[] }[];
  /** Why it ended before the last of them. */
  readonly error?: unknown;
  /** False where keys may have been left behind. */
  readonly removed: boolean;
}

export interface GoldenOptions {
  readonly redis: RedisClient;
  readonly decisions: readonly GoldenDecision[];
  /** All keys begin with it. */
  readonly prefix: string;
  readonly asking: Asking;
  /** Another script than the product's. */
  readonly script?: Script;
}

/** Played at once: over a network most of the time is waiting, and the database has others to serve. */
const AT_ONCE = 8;
const KEYS_PER_REMOVAL = 500;

const REMOVE = toScript("return tostring(redis.call('DEL', unpack(KEYS)))");

/**
 * Plays every decision in the given Redis, each under keys of its own, and removes those keys: at the end, after a
 * failure and when it is stopped. What no more can be removed expires within a day.
 */
export async function playGolden(options: GoldenOptions): Promise<GoldenResult> {
  const { decisions, prefix, asking, script } = options;
  const redis = remembering(options.redis, asking);
  const differences: GoldenResult['differences'][number][] = [];
  const waiting = decisions.entries();
  let played = 0;
  let failure: { readonly error: unknown } | undefined;

  async function playNext(): Promise<void> {
    for (const [number, decision] of waiting) {
      if (failure !== undefined || asking.stop.aborted) return;
      const keys = {
        serviceName: 'golden',
        statePrefix: `${prefix}:${number}`,
        recordPrefix: `${prefix}:${number}:games`,
      };
      try {
        const how = await runGolden(
          decision,
          (config, nowS) =>
            createLuaPlacement(redis.client, { ...config, ...keys }, () => nowS() * 1000, {
              nowS,
              ...(script && { script }),
            }),
          asking.stop,
        );
        played += 1;
        if (how.length > 0) differences.push({ rule: decision.rule, how });
      } catch (error) {
        failure ??= { error };
      }
    }
  }

  await Promise.all(Array.from({ length: AT_ONCE }, playNext));
  // No call is under way any more, so what is removed now does not come back.
  const removed = await redis.removeAll();
  return { played, differences, removed, ...(failure && { error: failure.error }) };
}

/**
 * A client that knows every key which its scripts may have written. A call that has begun is let come to its end, or
 * into its limit: cut off, it might write after the removal.
 */
function remembering(redis: RedisClient, asking: Asking) {
  const seen = new Set<string>();
  const limit = () => AbortSignal.timeout(asking.timeoutMs);
  const client: RedisClient = {
    ...redis,
    runScript(script, keys, args) {
      asking.stop.throwIfAborted();
      for (const key of keys) seen.add(key);
      return redis.runScript(script, keys, args, limit());
    },
  };

  /** By the same client: over one connection nothing overtakes. */
  async function removeAll(): Promise<boolean> {
    const keys = [...seen];
    try {
      for (let from = 0; from < keys.length; from += KEYS_PER_REMOVAL) {
        await redis.runScript(REMOVE, keys.slice(from, from + KEYS_PER_REMOVAL), [], limit());
      }
      return true;
    } catch {
      return false; // Redis is gone: why is said by whatever failed before
    }
  }
  return { client, removeAll };
}

function toScript(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}
