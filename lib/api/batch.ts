import * as z from 'zod/mini';
import type { Reply } from './outcomes.ts';
import { mustBe } from './schema.ts';

export const MAX_BATCH_ITEMS = 64;
/** Bytes that one `POST /batch` may have. */
export const MAX_BATCH_BYTES = 1024 * 1024;

/** The longest that a caller may say it waits, ms: `Timeout-Ms` and `budget_ms`. */
export const MAX_TIMEOUT_MS = 10_000;

/**
 * One operation in `POST /batch`. The request itself is checked per item, so that a bad one spoils only itself.
 * `service`: a configured service's name; absent: the first one.
 * `budget_ms`: time from the sending of the batch in which this item's answer is still of use.
 * `traceparent`, `tracestate`: as W3C's Trace Context has them; what is not valid is as good as absent.
 * `attempt`: unique per caller's message, the same for its retry and hedge.
 */
export const BatchItem = z.object(
  {
    op: z.string(mustBe('a string')),
    service: z.optional(z.string(mustBe('a string'))),
    request: z.unknown().check(z.refine((value) => value !== undefined, 'is required')),
    budget_ms: z.optional(
      z
        .number(mustBe('a number'))
        .check(z.minimum(0, 'must be at least 0'), z.maximum(MAX_TIMEOUT_MS, `must be at most ${MAX_TIMEOUT_MS}`)),
    ),
    traceparent: z.optional(z.string(mustBe('a string'))),
    tracestate: z.optional(z.string(mustBe('a string'))),
    attempt: z.optional(
      z
        .string(mustBe('a string'))
        .check(z.minLength(1, 'must not be empty'), z.maxLength(64, 'must have at most 64 characters')),
    ),
  },
  mustBe('an object'),
);
export type BatchItem = z.infer<typeof BatchItem>;

export const BatchRequest = z.object(
  {
    v: z.literal(1, mustBe('1')),
    items: z
      .array(BatchItem, mustBe('an array'))
      .check(
        z.minLength(1, 'must have at least 1 item'),
        z.maxLength(MAX_BATCH_ITEMS, `must have at most ${MAX_BATCH_ITEMS} items`),
      ),
  },
  mustBe('a JSON object'),
);
export type BatchRequest = z.infer<typeof BatchRequest>;

export interface BatchResponse {
  readonly v: 1;
  /** One reply per item, in the items' order. */
  readonly items: readonly Reply[];
  /** The items' own, in their order; null where an item had none. Absent where none of them had one. */
  readonly attempts?: readonly (string | null)[];
}

/**
 * The answer to `items`. It says to which attempts it belongs, so that whoever sent them can tell it from an answer to
 * somebody else's that came to the wrong door.
 */
export function batchResponse(items: readonly BatchItem[], replies: readonly Reply[]): BatchResponse {
  const attempts = items.map(({ attempt }) => attempt ?? null);
  return { v: 1, items: replies, ...(attempts.some((attempt) => attempt !== null) && { attempts }) };
}
