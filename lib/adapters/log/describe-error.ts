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
    type: typeName(error.name),
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
    const type = typeName(cause.name);
    causes.push(code === undefined ? type : `${type} ${code}`);
    cause = cause.cause;
  }
  return causes;
}

/** ECONNREFUSED, WRONGTYPE, bad_data and their like. A secret has both cases, or digits, or is longer. */
function codeOf(error: Error): string | undefined {
  if (!('code' in error)) return undefined;
  if (typeof error.code === 'number') return String(error.code);
  if (typeof error.code !== 'string') return undefined;
  return /^(?:[A-Z][A-Z0-9_]{1,63}|[a-z_]{2,24})$/.test(error.code) ? error.code : '?';
}

/** Some names come from another system's answer (the AWS SDK's do): what does not look like a class may be anything. */
function typeName(name: string): string {
  return /^\$?[A-Z][A-Za-z]{1,63}$/.test(name) ? name : '?';
}
