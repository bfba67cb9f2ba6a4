import { createHash, timingSafeEqual } from 'node:crypto';

/** Tokens that may be valid at once, so that one can be replaced while the other works. */
const MOST_TOKENS = 2;

/**
 * Whether an Authorization header carries one of `tokens` (separated by commas or white space).
 * Compared by their hashes, all of them each time, so that neither a token's text nor its length shows in the time.
 */
export function isBearerOf(tokens: string | undefined, authorization: string | undefined): boolean {
  const presented = /^Bearer ([!-~]+)$/i.exec(authorization ?? '')?.[1];
  const valid = (tokens ?? '').split(/[\s,]+/).filter((token) => token !== '');
  if (presented === undefined) return false;
  const hash = sha256(presented);
  return valid.slice(0, MOST_TOKENS).reduce((found, token) => timingSafeEqual(sha256(token), hash) || found, false);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
