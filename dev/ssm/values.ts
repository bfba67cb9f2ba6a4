import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { SECRET_NAMES, type SecretName } from '../../lib/config/allocator-config.ts';

/** 256 bits, in characters that a header takes. */
const TOKEN_BYTES = 32;
/** What SSM takes without extra cost. */
const MOST_BYTES = 4096;

/** Our secrets in an env-style file, and the names in it that are none of ours. Throws where it cannot be read. */
export function readEnvFile(path: string) {
  const variables = parseEnv(readFileSync(path, 'utf8'));
  const known = SECRET_NAMES.filter((name) => variables[name]?.trim());
  return {
    values: new Map(known.map((name) => [name, variables[name]?.trim() ?? ''])),
    others: Object.keys(variables).filter((name) => !SECRET_NAMES.some((each) => each === name)),
  };
}

/** Why `value` cannot be this secret, as the end of a sentence; undefined where it can. */
export function problemOf(name: SecretName, value: string): string | undefined {
  if (/\p{Cc}/u.test(value)) return 'has control characters in it';
  if (Buffer.byteLength(value) > MOST_BYTES) return `has more than ${MOST_BYTES} bytes`;
  if (name !== 'API_TOKENS') return undefined;
  const tokens = tokensOf(value);
  if (tokens.length > 2) return 'has more than two tokens, of which only the first two would count';
  return tokens.every((token) => /^[!-~]+$/.test(token)) ? undefined : 'has characters that no header takes';
}

/** A new token before the newest one of `current`, which stays valid until the next time. */
export function withNewToken(current: string | undefined): string {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  return [token, ...tokensOf(current ?? '').slice(0, 1)].join(',');
}

function tokensOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((token) => token !== '');
}
