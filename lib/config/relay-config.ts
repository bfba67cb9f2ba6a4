import * as z from 'zod/mini';
import { type Endpoint, listEndpoints } from '../relay/endpoints.ts';
import { type AllocatorConfig, AllocatorVariables, toAllocatorConfig } from './allocator-config.ts';
import {
  ConfigError,
  defaulted,
  type Env,
  flag,
  httpUrl,
  integer,
  oneOf,
  readEnv,
  secret,
  text,
  variable,
} from './env.ts';
import { type LogConfig, LogVariables, toLogConfig } from './log-config.ts';
import { natsSubject, ServicesVariables, toServices } from './services.ts';

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
  /** Relays with different ones would each answer every request. */
  QUEUE_GROUP: defaulted(
    variable('must have letters, digits, - and _ only', (value) => (/^[-\w]+$/.test(value) ? value : undefined)),
    'game-allocator',
  ),
  MAX_IN_FLIGHT: defaulted(integer(1, 100_000), 1024),

  ...ServicesVariables,
  /** Where the backend tells that a game is over. */
  RELEASE_SUBJECTS: defaulted(
    variable(
      'must be NATS subjects, separated by commas, each with * as its last token and no other wildcard',
      parseReleaseSubjects,
    ),
    [],
  ),
  ASSIGN_EVENTS: defaulted(flag(), false),
  /** An event's subject without its last part, the instance's id. */
  ASSIGN_EVENT_SUBJECT: defaulted(natsSubject(), 'game.assigned'),

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
    readonly queue: string;
  };
  /** What is listened to. */
  readonly endpoints: readonly Endpoint[];
  /** Absent: nobody is told of assignments. */
  readonly assignEvents: { readonly subject: string } | undefined;
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

type RelayEnv = z.infer<z.ZodMiniObject<typeof RelayVariables>>;

function toRelayConfig(read: RelayEnv, allocator: RelayConfig['allocator']): RelayConfig {
  return {
    log: toLogConfig(read),
    title: read.APP_TITLE,
    port: read.PORT,
    nats: {
      servers: read.NATS_URL,
      tls: read.NATS_TLS === undefined ? !read.NATS_URL.every(isOnThisMachine) : read.NATS_TLS === 'on',
      queue: read.QUEUE_GROUP,
    },
    endpoints: toEndpoints(read),
    assignEvents: read.ASSIGN_EVENTS ? { subject: read.ASSIGN_EVENT_SUBJECT } : undefined,
    maxInFlight: read.MAX_IN_FLIGHT,
    allocator,
  };
}

function toEndpoints(read: RelayEnv): readonly Endpoint[] {
  const services = toServices(read);
  const asked = services.flatMap(({ subjects }) => Object.values(subjects));
  if (read.RELEASE_SUBJECTS.some((wildcard) => asked.some((subject) => takesIn(wildcard, subject)))) {
    throw new ConfigError(['RELEASE_SUBJECTS must not take in the subject of a request.']);
  }
  return listEndpoints(services, read.RELEASE_SUBJECTS);
}

function parseReleaseSubjects(value: string): readonly string[] | undefined {
  const subjects = value.split(',').map((part) => part.trim());
  return subjects.every((each) => /^([^\s.*>]+\.)+\*$/.test(each)) ? [...new Set(subjects)] : undefined;
}

/** Whether a message on `subject` comes to who listens on `wildcard`, which has `*` as its last token only. */
function takesIn(wildcard: string, subject: string): boolean {
  const before = wildcard.slice(0, -1);
  return subject.startsWith(before) && !subject.slice(before.length).includes('.');
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
