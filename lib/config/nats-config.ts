import * as z from 'zod/mini';
import type { NatsCredentials } from '../adapters/nats/credentials.ts';
import { defaulted, oneOf, secret, text, variable } from './env.ts';

/** Where NATS is, and who the relay says it is there. At most one kind of credentials may be given. */
export const NatsVariables = {
  NATS_URL: defaulted(
    variable('must be nats:// or tls:// URLs, separated by commas, without user name or password', parseServers),
    ['nats://localhost:4222'],
  ),
  /** TLS is on unless every server is on this machine and no authority is named. */
  NATS_TLS: z.optional(oneOf(['on', 'off'])),
  /** PEM certificates of the authorities that vouch for the servers, instead of those that Node knows. */
  NATS_CA_FILE: z.optional(text()),

  NATS_CREDS_FILE: z.optional(text()),
  NATS_NKEY_FILE: z.optional(text()),
  NATS_NKEY_SEED: z.optional(variable('must be the seed of a user nkey, SU...', parseSeed)),
  NATS_USER: z.optional(text()),
  NATS_PASSWORD: z.optional(secret()),
  NATS_TOKEN: z.optional(secret()),
};
type NatsEnv = z.infer<z.ZodMiniObject<typeof NatsVariables>>;

export interface NatsConfig {
  readonly servers: readonly string[];
  /** Undefined: no TLS is asked for. */
  readonly tls: { readonly caFile?: string } | undefined;
  /** Undefined: none are sent. */
  readonly credentials: NatsCredentials | undefined;
}

/** What is wrong with the variables together, one sentence each. */
export function natsProblems(read: NatsEnv): readonly string[] {
  const problems: string[] = [];
  const kinds = (['NATS_CREDS_FILE', 'NATS_NKEY_FILE', 'NATS_NKEY_SEED', 'NATS_USER', 'NATS_TOKEN'] as const).filter(
    (name) => read[name] !== undefined,
  );
  if (kinds.length > 1) problems.push(`Only one of ${kinds.join(', ')} may be set.`);
  if (read.NATS_USER !== undefined && read.NATS_PASSWORD === undefined) {
    problems.push('NATS_PASSWORD is required with NATS_USER.');
  }
  if (read.NATS_USER === undefined && read.NATS_PASSWORD !== undefined) {
    problems.push('NATS_USER is required with NATS_PASSWORD.');
  }
  if (read.NATS_TLS === 'off' && read.NATS_CA_FILE !== undefined) {
    problems.push('NATS_CA_FILE is of no use with NATS_TLS=off.');
  }
  return problems;
}

/** Only for variables without problems. */
export function toNatsConfig(read: NatsEnv): NatsConfig {
  const { NATS_CA_FILE: caFile } = read;
  const wanted = caFile !== undefined || !read.NATS_URL.every(isOnThisMachine);
  const on = read.NATS_TLS === undefined ? wanted : read.NATS_TLS === 'on';
  return {
    servers: read.NATS_URL,
    tls: on ? { ...(caFile === undefined ? {} : { caFile }) } : undefined,
    credentials: toCredentials(read),
  };
}

function toCredentials(read: NatsEnv): NatsCredentials | undefined {
  if (read.NATS_CREDS_FILE !== undefined) return { kind: 'creds_file', path: read.NATS_CREDS_FILE };
  if (read.NATS_NKEY_FILE !== undefined) return { kind: 'nkey_file', path: read.NATS_NKEY_FILE };
  if (read.NATS_NKEY_SEED !== undefined) return { kind: 'nkey_seed', seed: read.NATS_NKEY_SEED };
  if (read.NATS_USER !== undefined) {
    return { kind: 'user', user: read.NATS_USER, password: read.NATS_PASSWORD ?? '' };
  }
  return read.NATS_TOKEN === undefined ? undefined : { kind: 'token', token: read.NATS_TOKEN };
}

function parseSeed(value: string): string | undefined {
  const seed = value.trim();
  return /^SU[A-Z2-7]{56}$/.test(seed) ? seed : undefined;
}

/** Credentials in an address would end up in logs and in the server's list of connections. */
function parseServers(value: string): readonly string[] | undefined {
  const servers = value.split(',').map((part) => part.trim());
  return servers.every(isServer) ? servers : undefined;
}

function isServer(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, username, password, pathname } = new URL(value);
  const bare = username === '' && password === '' && (pathname === '' || pathname === '/');
  return /^(nats|tls):$/.test(protocol) && hostname !== '' && bare;
}

function isOnThisMachine(server: string): boolean {
  const { protocol, hostname } = new URL(server);
  return protocol === 'nats:' && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
