import { MAX_TIMEOUT_MS } from './batch.ts';
import type { Parsed } from './schema.ts';

/** What nats-py waits unless told otherwise, ms: a caller that says nothing is taken to wait this long. */
export const DEFAULT_TIMEOUT_MS = 500;
export const MIN_TIMEOUT_MS = 100;
/** Kept back from the caller's own timeout for the way there and back, ms. */
export const REPLY_MARGIN_MS = 50;
/** Kept back from an operation's time for the way from the function to whoever replies, ms. */
export const FUNCTION_MARGIN_MS = 15;
/** The budget of an operation whose caller says nothing, ms. */
export const DEFAULT_BUDGET_MS = DEFAULT_TIMEOUT_MS - REPLY_MARGIN_MS - FUNCTION_MARGIN_MS;

/** How long the caller waits, ms, from its `Timeout-Ms` header. */
export function readTimeoutMs(header: string | undefined): Parsed<number> {
  if (header === undefined) return { value: DEFAULT_TIMEOUT_MS };
  const timeoutMs = /^\d{1,6}$/.test(header) ? Number(header) : Number.NaN;
  if (timeoutMs >= MIN_TIMEOUT_MS && timeoutMs <= MAX_TIMEOUT_MS) return { value: timeoutMs };
  return {
    failure: {
      code: 'invalid_request',
      message: `Timeout-Ms must be a whole number from ${MIN_TIMEOUT_MS} to ${MAX_TIMEOUT_MS}.`,
    },
  };
}

/** Version, trace id, span id and flags. */
export const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** A W3C traceparent that may be passed on, else undefined: one that is malformed is as good as none. */
export function readTraceparent(header: string | undefined): string | undefined {
  return header !== undefined && TRACEPARENT.test(header) ? header : undefined;
}
