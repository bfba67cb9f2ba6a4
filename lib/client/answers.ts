import type { Op } from '../api/op.ts';
import { FAILURES, type FailureCode } from '../api/outcomes.ts';
import type { Answer, Failure } from './allocator-client.ts';

/** What each success must have to be of any use: a caller would make `undefined` of what is missing. */
const NEEDED = {
  assign: 'instance_id',
  lookup: 'instance_id',
  renew: 'instance_id',
  release: 'success',
  instance: 'instance',
  instances: 'instances',
  fleet: 'instances',
  explain: 'candidates',
} as const satisfies Record<Op, string>;

/** The allocator's reply in `text`; undefined where that is something else. */
export function readAnswer(op: Op, text: string): Answer<Op> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('success' in value)) return undefined;
  if (value.success === true) return NEEDED[op] in value ? (value as Answer<Op>) : undefined;
  const isFailure = value.success === false && 'code' in value && 'message' in value;
  return isFailure ? (value as Failure) : undefined;
}

/** A failure that the client found itself. */
export function ownFailure(code: FailureCode, message: string, cause: Error): Failure {
  return { success: false, message, code, retryable: FAILURES[code].retryable, cause };
}

export function noAnswerInTime(timeoutMs: number, cause: Error): Failure {
  const message = `No answer within ${timeoutMs} ms; whether it was done is unknown, and asking again is safe.`;
  return ownFailure('deadline_exceeded', message, cause);
}

export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
