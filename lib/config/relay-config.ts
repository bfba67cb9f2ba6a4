import * as z from 'zod/mini';
import { type AllocatorConfig, AllocatorVariables, toAllocatorConfig } from './allocator-config.ts';
import { defaulted, type Env, httpUrl, integer, oneOf, readEnv, secret, text, variable } from './env.ts';
import { type LogConfig, LogVariables, toLogConfig } from './log-config.ts';

/** What the relay needs to know, wherever the deciding is done. */
const RelayVariables = {
  ...LogVariables,
  APP_TITLE: defaulted(text(), 'Game allocator'),
  PORT: defaulted(integer(1, 65_535), 5005),

  NATS_URL: defaulted(
    variable('must be nats:// or tls:// URLs, separated by commas, without user name or password', parseServers),
    ['nats://localhost:4222'],
  ),
  /** TLS is on unless every server is on this machine. */
  NATS_TLS: z.optional(oneOf(['on', 'off'])),
  ASSIGN_SUBJECT: defaulted(
    variable('must be a NATS subject without wildcards', (value) =>
      /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(value) ? value : undefined,
    ),
    'game.assign.request',
  ),
  /** Relays with different ones would each answer every request. */
  QUEUE_GROUP: defaulted(
    variable('must have letters, digits, - and _ only', (value) => (/^[-\w]+$/.test(value) ? value : undefined)),
    'game-allocator',
  ),
  MAX_IN_FLIGHT: defaulted(integer(1, 100_000), 1024),

  ALLOCATOR_TOKEN: z.optional(secret()),
};
const ForwardingVariables = z.object({
  ...RelayVariables,
  /** The whole URL of the batch route. Without it the relay decides in its own process. */
  ALLOCATOR_URL: httpUrl(),
  KEEP_WARM: defaulted(integer(0, 100), 1),
});
const DecidingVariables = z.object({ ...RelayVariables, ...AllocatorVariables });

export interface RelayConfig {
  readonly log: LogConfig;
  readonly title: string;
  /** Where health is answered. */
  readonly port: number;
  readonly nats: {
    readonly servers: readonly string[];
    readonly tls: boolean;
    readonly subject: string;
    readonly queue: string;
  };
  readonly maxInFlight: number;
  readonly allocator:
    | {
        readonly kind: 'function';
        readonly url: URL;
        readonly token: string | undefined;
        /** Environments of the function that are kept warm. */
        readonly keepWarm: number;
      }
    | { readonly kind: 'own'; readonly config: AllocatorConfig };
}

/** Throws ConfigError with every problem at once. The allocator's own variables count only where the relay decides. */
export function readRelayConfig(env: Env): RelayConfig {
  if (env['ALLOCATOR_URL']) {
    const read = readEnv(ForwardingVariables, env);
    return toRelayConfig(read, {
      kind: 'function',
      url: read.ALLOCATOR_URL,
      token: read.ALLOCATOR_TOKEN,
      keepWarm: read.KEEP_WARM,
    });
  }
  const read = readEnv(DecidingVariables, env);
  return toRelayConfig(read, { kind: 'own', config: toAllocatorConfig(read) });
}

function toRelayConfig(
  read: z.infer<z.ZodMiniObject<typeof RelayVariables>>,
  allocator: RelayConfig['allocator'],
): RelayConfig {
  return {
    log: toLogConfig(read),
    title: read.APP_TITLE,
    port: read.PORT,
    nats: {
      servers: read.NATS_URL,
      tls: read.NATS_TLS === undefined ? !read.NATS_URL.every(isOnThisMachine) : read.NATS_TLS === 'on',
      subject: read.ASSIGN_SUBJECT,
      queue: read.QUEUE_GROUP,
    },
    maxInFlight: read.MAX_IN_FLIGHT,
    allocator,
  };
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
