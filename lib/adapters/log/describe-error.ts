import { UpstreamError } from '../../app/upstream-error.ts';
import { ConfigError } from '../../config/env.ts';
import { framesOf } from './caller.ts';

export interface ErrorDescription {
  readonly type: string;
  readonly code?: string;
  /** Only of errors whose text is our own and fixed. */
  readonly message?: string;
  readonly outcome?: string;
  /** Types and codes of what caused it, the nearest first. */
  readonly causes?: readonly string[];
  /** Where an error of no known kind, so most likely a bug, was thrown. */
  readonly at?: readonly string[];
}

const MAX_CAUSES = 5;
const MAX_FRAMES = 3;

/**
 * An error as a log may have it. Never the message of a foreign error: it may hold a command with its values, an address
 * or a token.
 */
export function describeError(error: unknown): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error };
  const known = error instanceof UpstreamError || error instanceof ConfigError;
  const causes = causesOf(error);
  const code = codeOf(error);
  return {
    type: word(error.name),
    ...(code === undefined ? {} : { code }),
    ...(known ? { message: error.message } : { at: framesOf(error, MAX_FRAMES) }),
    ...(error instanceof UpstreamError ? { outcome: error.outcome } : {}),
    ...(causes.length === 0 ? {} : { causes }),
  };
}

function causesOf(error: Error): string[] {
  const causes: string[] = [];
  for (let cause = error.cause; cause !== undefined && causes.length < MAX_CAUSES; ) {
    if (!(cause instanceof Error)) {
      causes.push(typeof cause);
      break;
    }
    const code = codeOf(cause);
    causes.push(code === undefined ? word(cause.name) : `${word(cause.name)} ${code}`);
    cause = cause.cause;
  }
  return causes;
}

/** ECONNREFUSED, WRONGTYPE and their like. */
function codeOf(error: Error): string | undefined {
  if (!('code' in error) || (typeof error.code !== 'string' && typeof error.code !== 'number')) return undefined;
  return word(String(error.code));
}

/** Names and codes are single words; what is not may be anything. */
function word(text: string): string {
  return /^[\w.$-]{1,64}$/.test(text) ? text : '?';
}
