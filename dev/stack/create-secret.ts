import { randomBytes } from 'node:crypto';
import { plantSecret } from '../servers/transcripts.ts';

/** What every secret of a local stack begins with, so that one which got out is recognised wherever it is found. */
export const SECRET_PREFIX = 'canary-';

/** A new secret. A test run that collects what our processes say is told of it, see transcripts.ts. */
export function createSecret(name: string): string {
  const value = SECRET_PREFIX + randomBytes(24).toString('base64url');
  plantSecret(name, value);
  return value;
}
