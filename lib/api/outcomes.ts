import type { ExplainReply, FleetReply } from './insight-replies.ts';
import type { Op } from './op.ts';

/**
 * Every way in which a request can fail: its HTTP status, whether asking again can help, and what to tell a caller
 * where nothing more exact is known. The one table: NATS headers, HTTPS statuses and the documents come from it.
 */
export const FAILURES = {
  invalid_request: { status: 400, retryable: false, message: 'The request is not valid.' },
  unauthorised: { status: 401, retryable: false, message: 'A valid bearer token is required.' },
  not_found: { status: 404, retryable: false, message: 'There is nothing at this address.' },
  conflict: {
    status: 409,
    retryable: false,
    message: 'The record under this game_id was written by something else and does not name an instance.',
  },
  too_large: { status: 413, retryable: false, message: 'The request is larger than allowed.' },
  no_capacity: { status: 429, retryable: true, message: 'Every healthy instance is full.' },
  overloaded: { status: 429, retryable: true, message: 'Too many requests are under way; ask again shortly.' },
  no_instance: { status: 503, retryable: true, message: 'No healthy instance is available.' },
  upstream_unavailable: {
    status: 503,
    retryable: true,
    message: 'A service that is needed to answer is unavailable; ask again shortly.',
  },
  deadline_exceeded: {
    status: 504,
    retryable: true,
    message: 'No answer in time; whether it was done is unknown, and asking again is safe.',
  },
} as const satisfies Record<string, { status: number; retryable: boolean; message: string }>;

export type FailureCode = keyof typeof FAILURES;

/** Seconds in `Retry-After` of a 429 answer: an instance that was full or a burst that was shed is worth a second. */
export const RETRY_AFTER_S = 1;

/** A failure on its way to becoming a reply, whichever door it leaves by. */
export interface Failure {
  readonly code: FailureCode;
  /** One sentence in the caller's words, where it is more exact than the table's. */
  readonly message?: string;
}

/** The reply to one operation, as sent over NATS and inside a batch. */
export type Reply = SuccessReply | FailureReply;

export type SuccessReply = SuccessReplies[Op];

/** The success reply of each operation. */
export interface SuccessReplies {
  readonly assign: AssignReply;
  readonly lookup: GameReply;
  readonly renew: GameReply;
  readonly release: { readonly success: true };
  readonly instance: InstanceReply;
  readonly instances: InstancesReply;
  readonly fleet: FleetReply;
  readonly explain: ExplainReply;
}

export interface AssignReply {
  readonly success: true;
  readonly instance_id: string;
  readonly port?: number;
  readonly replayed?: true;
  readonly reassigned?: true;
  readonly degraded?: readonly string[];
}

export interface GameReply {
  readonly success: true;
  readonly instance_id: string;
  /** Whole seconds that its record has left, rounded up; absent: it never expires. */
  readonly expires_in_s?: number;
}

export interface InstanceReply {
  readonly success: true;
  readonly instance: InstanceAddress;
  readonly degraded?: readonly string[];
}

export interface InstancesReply {
  readonly success: true;
  /** In the order of their addresses. */
  readonly instances: readonly InstanceAddress[];
  readonly degraded?: readonly string[];
}

export interface InstanceAddress {
  readonly address: string;
  /** 0: it says none. */
  readonly rest_port: number;
  readonly grpc_port: number;
}

export interface FailureReply {
  readonly success: false;
  readonly message: string;
  readonly code: FailureCode;
  readonly retryable: boolean;
}

/** The reply that tells a caller of `failure`. It has no `instance_id`: old callers read that key first. */
export function failureReply({ code, message }: Failure): FailureReply {
  const row = FAILURES[code];
  return { success: false, message: message ?? row.message, code, retryable: row.retryable };
}
