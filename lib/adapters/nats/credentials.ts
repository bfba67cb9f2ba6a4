import { readFileSync } from 'node:fs';
import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats';
import type { Clock, Log } from '../../app/ports.ts';
import { limitRate } from '../../relay/limit-rate.ts';

/** Connecting is tried up to 50 times a second. */
const COMPLAIN_EVERY_MS = 10_000;

/** How the relay says to NATS who it is. Files are those that `nsc` writes. */
export type NatsCredentials =
  | { readonly kind: 'creds_file'; readonly path: string }
  | { readonly kind: 'nkey_file'; readonly path: string }
  | { readonly kind: 'nkey_seed'; readonly seed: string }
  | { readonly kind: 'user'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string };

/** Makes what the client asks at each connect. It throws only before a file has been read for the first time. */
export function createAuthenticator(credentials: NatsCredentials, clock: Clock, log: Log): Authenticator {
  switch (credentials.kind) {
    case 'creds_file':
      return rereading(credentials.path, credsAuthenticator, clock, log);
    case 'nkey_file':
      return rereading(credentials.path, (seed) => nkeyAuthenticator(trimmed(seed)), clock, log);
    case 'nkey_seed':
      return nkeyAuthenticator(Buffer.from(credentials.seed));
    case 'user':
      return usernamePasswordAuthenticator(credentials.user, credentials.password);
    case 'token':
      return tokenAuthenticator(credentials.token);
  }
}

/**
 * Reads the file at every connect, so that rotated credentials are used without a restart. What was read last and was
 * in order serves where it cannot be read, or is only half written: what an authenticator throws closes the client for good.
 */
function rereading(path: string, make: (contents: Uint8Array) => Authenticator, clock: Clock, log: Log): Authenticator {
  const complain = limitRate<unknown>(clock, COMPLAIN_EVERY_MS, (attempts, error) =>
    log.error('nats_credentials_unreadable', { attempts }, error),
  );
  let lastGood: Authenticator | undefined;
  return (nonce) => {
    try {
      const current = make(readFileSync(path));
      const answer = current(nonce);
      lastGood = current;
      return answer;
    } catch (error) {
      complain(error);
      if (lastGood === undefined) throw error;
      return lastGood(nonce);
    }
  };
}

function trimmed(seed: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(seed).toString('utf8').trim());
}
