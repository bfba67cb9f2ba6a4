import { createHash, timingSafeEqual } from 'node:crypto';

/** Tokens that may be valid at once, so that one can be replaced while the other works. */
export const MOST_TOKENS = 2;

/** Bearer tokens, ready to be compared with what a caller sends. */
export interface BearerTokens {
  /** SHA-256 of each that is valid. */
  readonly hashes: readonly Buffer[];
  /** How many there are beyond those, which let nobody in. */
  readonly ignored: number;
}

/** Reads tokens, separated by commas or white space. The first two are valid. */
export function readTokens(text: string | undefined): BearerTokens {
  const tokens = (text ?? '').split(/[\s,]+/).filter((token) => token !== '');
  const hashes = tokens.slice(0, MOST_TOKENS).map(sha256);
  return { hashes, ignored: tokens.length - hashes.length };
}

/**
 * Whether an Authorization header carries one of `tokens`. Compared by their hashes, all of them each time, so that
 * neither a token's text nor its length shows in the time.
 */
export function isBearerOf({ hashes }: BearerTokens, authorization: string | undefined): boolean {
  const presented = /^Bearer ([!-~]+)$/i.exec(authorization ?? '')?.[1];
  if (presented === undefined) return false;
  const hash = sha256(presented);
  return hashes.reduce((found, valid) => timingSafeEqual(valid, hash) || found, false);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
