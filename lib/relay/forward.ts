import * as z from 'zod/mini';
import type { Allocate } from '../api/allocate.ts';
import type { BatchItem } from '../api/batch.ts';
import { isOp } from '../api/op.ts';
import { failureReply } from '../api/outcomes.ts';
import { readReply } from '../api/reply.ts';
import type { Log } from '../app/ports.ts';
import { UpstreamError } from '../app/upstream-error.ts';

/** Bytes that an answer may have: what Lambda allows. One list of 3,000 instances has 200 KB. */
export const MAX_ANSWER_BYTES = 6 * 1024 * 1024;

/** As much of an HTTP client as posting needs. Throws only UpstreamError. */
export interface Poster {
  request(request: {
    readonly method: 'POST';
    readonly path: string;
    readonly body: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  }): Promise<PostAnswer>;
}

export interface PostAnswer {
  readonly status: number;
  readonly body: string;
  /** Closes the connection that it came over. */
  readonly closeConnection?: () => void;
}

export interface PostOptions {
  readonly http: Poster;
  /** The batch route, from its first slash, query included. */
  readonly path: string;
}

/** Replies are checked one by one: a misshapen one must not take its neighbours along. */
const Answer = z.object({
  v: z.literal(1),
  items: z.array(z.unknown()),
  /** The items' attempts, null where an item had none. Functions of the version before do not say. */
  attempts: z.optional(z.array(z.unknown())),
});
type Answer = z.infer<typeof Answer>;

/** Posts items to a function, and returns what comes back for each of them unchecked. Throws only UpstreamError. */
export type Post = (items: readonly BatchItem[], signal: AbortSignal) => Promise<readonly unknown[]>;

/**
 * Makes the Post of a route. Any status but 200 is a failure of the way there, and is thrown like a body that is no
 * answer. So is an answer to other items: one that is sent twice, or late, over a connection that is kept alive is read
 * as the answer to the next request, and the answers after it likewise. Such a connection is closed.
 */
export function createPost({ http, path }: PostOptions): Post {
  return async (items, signal) => {
    const { status, body, closeConnection } = await http.request({
      method: 'POST',
      path,
      body: JSON.stringify({ v: 1, items }),
      headers: { 'content-type': 'application/json' },
      signal,
    });
    if (status !== 200) throw failureOf(status);
    try {
      const answer = readAnswer(body);
      if (!isAnswerTo(items, answer)) throw new UpstreamError('allocator', 'invalid_body');
      return answer.items;
    } catch (error) {
      closeConnection?.();
      throw error;
    }
  };
}

function isAnswerTo(items: readonly BatchItem[], { items: replies, attempts }: Answer): boolean {
  if (replies.length !== items.length) return false;
  if (attempts === undefined) return true;
  return attempts.length === items.length && items.every(({ attempt }, index) => attempts[index] === (attempt ?? null));
}

/**
 * Makes the Allocate that posts its items. One reply that is none becomes `upstream_unavailable` for its item, and
 * `onInvalid` is told.
 */
export function createForward(post: Post, log: Log, onInvalid: () => void = () => undefined): Allocate {
  return async (items, signal) => {
    const replies = await post(items, signal);
    return items.map(({ op }, index) => {
      const reply = isOp(op) ? readReply(op, replies[index]) : undefined;
      if (reply !== undefined) return reply;
      onInvalid();
      log.error('allocator_reply_invalid', { op });
      return failureReply({ code: 'upstream_unavailable' });
    });
  };
}

function readAnswer(body: string): Answer {
  try {
    return Answer.parse(JSON.parse(body));
  } catch (cause) {
    throw new UpstreamError('allocator', 'invalid_body', { cause });
  }
}

/** A function that was cut off by its own time limit is a 5xx too, and it may have been done by then. */
function failureOf(status: number): UpstreamError {
  if (status === 401 || status === 403) return new UpstreamError('allocator', 'refused', { status });
  return new UpstreamError('allocator', 'status', { status, outcome: status >= 500 ? 'unknown' : 'none' });
}
