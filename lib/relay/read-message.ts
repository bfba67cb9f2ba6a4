import type * as z from 'zod/mini';
import { MAX_REQUEST_BYTES } from '../api/assign-request.ts';
import { readTimeoutMs } from '../api/request-headers.ts';
import { REQUESTS } from '../api/requests.ts';
import { type Parsed, parseJson, parseWith } from '../api/schema.ts';
import { readTrace, type Trace } from '../api/trace.ts';
import type { Asking } from './endpoints.ts';

/** What the relay needs of a message, whatever brought it. */
export interface RelayMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** The header of that name in any case; undefined when there is none. Throws when the headers cannot be read. */
  header(name: string): string | undefined;
  /**
   * Sends the reply; absent when nobody waits for one. Where the connection is down it is kept, until `usefulUntilMs` on
   * the relay's clock at most. Throws when `payload` is larger than may be sent.
   */
  readonly reply?: (payload: Uint8Array, usefulUntilMs: number, headers?: ReplyHeaders) => void;
}

/** What a reply says outside its payload. */
export interface ReplyHeaders {
  /** Of a failure. */
  readonly error?: ReplyError;
  /** The request's own, where it had a valid one. */
  readonly traceparent?: string;
}

/** What a failure's reply says of it: one line of at most 200 characters, and an HTTP status. */
export interface ReplyError {
  readonly message: string;
  readonly status: number;
}

/** A message once it is known to be in order. */
export interface Asked {
  readonly request: z.infer<(typeof REQUESTS)[keyof typeof REQUESTS]>;
  /** How long the caller waits, ms, from the sending of its message. */
  readonly timeoutMs: number;
}

/**
 * How long an event has, ms. Nobody waits for it, and nobody sends it again: the place that it frees is worth the time
 * for a cold start and a second call.
 */
const EVENT_TIMEOUT_MS = 5000;

/** Checks a message before anything is spent on it, so that it cannot spoil the batch that it would travel in. */
export function readMessage(message: RelayMessage, { op, kind }: Asking): Parsed<Asked> {
  if (kind === 'event') return readEvent(message, op);
  if (message.data.length > MAX_REQUEST_BYTES) {
    return { failure: { code: 'too_large', message: `The request must have at most ${MAX_REQUEST_BYTES} bytes.` } };
  }
  const header = readHeader(message, 'Timeout-Ms');
  if ('failure' in header) return header;
  const timeoutMs = readTimeoutMs(header.value);
  if ('failure' in timeoutMs) return timeoutMs;
  const json = parseJson(message.data);
  if ('failure' in json) return json;
  const request = parseWith<Asked['request']>(REQUESTS[op], json.value);
  if ('failure' in request) return request;
  return { value: { request: request.value, timeoutMs: timeoutMs.value } };
}

function readEvent({ subject }: RelayMessage, op: Asking['op']): Parsed<Asked> {
  const gameId = subject.slice(subject.lastIndexOf('.') + 1);
  const request = parseWith<Asked['request']>(REQUESTS[op], { game_id: gameId });
  if ('failure' in request) return request;
  return { value: { request: request.value, timeoutMs: EVENT_TIMEOUT_MS } };
}

function readHeader(message: RelayMessage, name: string): Parsed<string | undefined> {
  try {
    return { value: message.header(name) };
  } catch {
    const problem = 'The headers must have valid names and one line each.';
    return { failure: { code: 'invalid_request', message: problem } };
  }
}

/** The trace of whatever a message asks for, also where that will be refused. */
export function readMessageTrace(message: RelayMessage): Trace | undefined {
  try {
    return readTrace((name) => message.header(name));
  } catch {
    return undefined; // readMessage tells the caller what is wrong with the headers
  }
}
