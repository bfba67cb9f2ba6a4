import * as z from 'zod/mini';
import type { FleetList } from '../domain/fleet.ts';
import { isInstanceId } from '../domain/ids.ts';
import type { Clock, Log, RedisClient } from './ports.ts';
import { withTimeout } from './with-timeout.ts';

/** Between two savings by one process, ms. */
const SAVE_EVERY_MS = 60_000;
/** Bytes that are worth keeping for this, as they are kept: some 10,000 instances. */
const MAX_BYTES = 256 * 1024;
const LEAST_WAIT_MS = 20;

/** The last good list in Redis, for a process that starts while Consul does not answer. */
export interface SavedList {
  /** Begins to save `list`, where it differs from what was saved, or that is getting old. Costs no time. */
  offer(list: FleetList): void;
  /** The saved list and when that was, if it is recent enough. Waits at most `waitMs`; never throws. */
  read(waitMs: number): Promise<{ readonly list: FleetList; readonly atMs: number } | undefined>;
  /** Gives a save under way up to `waitMs` more, then aborts it; see Reading.release. */
  release(waitMs: number): Promise<void>;
}

export interface SavedListOptions {
  readonly redis: RedisClient;
  /** A list of 3,000 instances is 500 KB of JSON, most of which says the same again and again. */
  readonly codec: TextCodec;
  readonly key: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How old a saved list may be and still be used, ms. */
  readonly staleMs: number;
}

/** Makes text short for keeping, and the same text of it again. */
export interface TextCodec {
  encode(text: string): Promise<string>;
  /** Rejects where `encoded` was not made by `encode`. */
  decode(encoded: string): Promise<string>;
}

const Port = z.int().check(z.minimum(1), z.maximum(65_535));
const Size = z.number().check(z.positive());

/** No instance comes from there that would not have come from Consul: whoever can write to Redis may have written it. */
const Saved = z.object({
  atMs: z.number(),
  instances: z.array(
    z.object({
      id: z.string().check(z.refine(isInstanceId)),
      port: z.exactOptional(Port),
      address: z.exactOptional(z.string()),
      restPort: z.exactOptional(Port),
      grpcPort: z.exactOptional(Port),
      status: z.enum(['eligible', 'listed', 'gone']),
      draining: z.exactOptional(z.literal(true)),
      cpuCores: Size,
      memoryBytes: Size,
      maxGames: z.exactOptional(z.int().check(z.minimum(1))),
      // Lists that were saved by a version without them are read too.
      tags: z._default(z.array(z.string()), []),
      meta: z._default(z.record(z.string(), z.string()), {}),
    }),
  ),
});

export function createSavedList({ redis, codec, key, clock, log, staleMs }: SavedListOptions): SavedList {
  let savedText: string | undefined;
  let savedAtMs = Number.NEGATIVE_INFINITY;
  let saving: { readonly done: Promise<void>; readonly controller: AbortController } | undefined;

  async function save(text: string, signal: AbortSignal): Promise<void> {
    try {
      const encoded = await codec.encode(`{"atMs":${clock()},"instances":${text}}`);
      if (Buffer.byteLength(encoded) > MAX_BYTES) return;
      await redis.set(key, encoded, Math.ceil(staleMs / 1000), signal);
      savedText = text;
    } catch (error) {
      log.warning('saved_list_not_written', {}, error);
    } finally {
      saving = undefined;
    }
  }

  return {
    offer({ instances }) {
      const sinceMs = clock() - savedAtMs;
      if (saving !== undefined || sinceMs < SAVE_EVERY_MS) return;
      const text = JSON.stringify(instances);
      // An unchanged list is saved again before it counts as too old to be used.
      if (text === savedText && sinceMs < staleMs / 2) return;
      savedAtMs = clock(); // a failure is not tried again sooner either
      const controller = new AbortController();
      saving = { controller, done: save(text, controller.signal) };
    },

    async read(waitMs) {
      if (waitMs < LEAST_WAIT_MS) return undefined;
      try {
        const encoded = await redis.get(key, AbortSignal.timeout(Math.floor(waitMs)));
        if (encoded === undefined) return undefined;
        const { atMs, instances } = Saved.parse(JSON.parse(await codec.decode(encoded)));
        return clock() - atMs <= staleMs ? { list: { instances, unusable: 0, duplicates: 0 }, atMs } : undefined;
      } catch (error) {
        log.warning('saved_list_unreadable', {}, error);
        return undefined;
      }
    },

    async release(waitMs) {
      if (saving === undefined) return;
      const { done, controller } = saving;
      await withTimeout(done, waitMs);
      controller.abort();
    },
  };
}
