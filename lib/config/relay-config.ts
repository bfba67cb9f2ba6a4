import * as z from 'zod/mini';
import { type BearerTokens, MOST_TOKENS, readTokens } from '../api/bearer-tokens.ts';
import { type Endpoint, listEndpoints } from '../relay/endpoints.ts';
import type { RateLimit } from '../relay/token-bucket.ts';
import { type AllocatorConfig, AllocatorVariables, toAllocatorConfig } from './allocator-config.ts';
import {
  type AllocatorDoor,
  AllocatorDoorVariables,
  allocatorDoorProblems,
  toAllocatorDoor,
} from './allocator-door.ts';
import { ConfigError, defaulted, type Env, flag, integer, number, readEnv, secret, text, variable } from './env.ts';
import { type LogConfig, LogVariables, toLogConfig } from './log-config.ts';
import { type NatsConfig, NatsVariables, natsProblems, toNatsConfig } from './nats-config.ts';
import { natsSubject, ServicesVariables, toServices } from './services.ts';

/** What the relay needs to know, wherever the deciding is done. */
const RelayVariables = {
  ...LogVariables,
  APP_TITLE: defaulted(text(), 'Game allocator'),
  PORT: defaulted(integer(1, 65_535), 5005),
  /** Opens the console on that port to whoever has one of these tokens; two, so that one can be replaced. */
  CONSOLE_TOKEN: z.optional(secret()),

  ...NatsVariables,
  /** Relays with different ones would each answer every request. */
  QUEUE_GROUP: defaulted(
    variable('must have letters, digits, - and _ only', (value) => (/^[-\w]+$/.test(value) ? value : undefined)),
    'game-allocator',
  ),
  MAX_IN_FLIGHT: defaulted(integer(1, 100_000), 1024),
  /** Requests a second that are taken; absent: all of them. */
  RATE_LIMIT_PER_S: z.optional(number(0.001, 1_000_000)),
  /** Requests at once after a quiet time; absent: what one second lets through. */
  RATE_LIMIT_BURST: z.optional(integer(1, 1_000_000)),

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
};
const ForwardingVariables = z.object({ ...RelayVariables, ...AllocatorDoorVariables });
const DecidingVariables = z.object({ ...RelayVariables, ...AllocatorVariables });

export interface RelayConfig {
  readonly log: LogConfig;
  readonly title: string;
  /** Where health is answered, and the console where it is open. */
  readonly port: number;
  /** Who may use the console; absent: it is not there. */
  readonly console: BearerTokens | undefined;
  readonly nats: NatsConfig & { readonly queue: string };
  /** What is listened to. */
  readonly endpoints: readonly Endpoint[];
  /** Absent: nobody is told of assignments. */
  readonly assignEvents: { readonly subject: string } | undefined;
  readonly maxInFlight: number;
  /** Absent: every request is taken. */
  readonly rateLimit: RateLimit | undefined;
  readonly allocator:
    | ({ readonly kind: 'function' } & AllocatorDoor)
    | { readonly kind: 'own'; readonly config: AllocatorConfig };
}

/** Throws ConfigError with every problem at once. The allocator's own variables count only where the relay decides. */
export function readRelayConfig(env: Env): RelayConfig {
  if (env['ALLOCATOR_URL']) {
    const read = readEnv(ForwardingVariables, env);
    throwIfAny([...relayProblems(read), ...allocatorDoorProblems(read)]);
    return toRelayConfig(read, { kind: 'function', ...toAllocatorDoor(read) });
  }
  const read = readEnv(DecidingVariables, env);
  throwIfAny(relayProblems(read));
  return toRelayConfig(read, { kind: 'own', config: toAllocatorConfig(read) });
}

type RelayEnv = z.infer<z.ZodMiniObject<typeof RelayVariables>>;

function toRelayConfig(read: RelayEnv, allocator: RelayConfig['allocator']): RelayConfig {
  return {
    log: toLogConfig(read),
    title: read.APP_TITLE,
    port: read.PORT,
    console: read.CONSOLE_TOKEN === undefined ? undefined : readTokens(read.CONSOLE_TOKEN),
    nats: { ...toNatsConfig(read), queue: read.QUEUE_GROUP },
    endpoints: listEndpoints(toServices(read), read.RELEASE_SUBJECTS),
    assignEvents: read.ASSIGN_EVENTS ? { subject: read.ASSIGN_EVENT_SUBJECT } : undefined,
    maxInFlight: read.MAX_IN_FLIGHT,
    rateLimit: toRateLimit(read),
    allocator,
  };
}

function relayProblems(read: RelayEnv): readonly string[] {
  const asked = toServices(read).flatMap(({ subjects }) => Object.values(subjects));
  const takesInRequests = read.RELEASE_SUBJECTS.some((wildcard) => asked.some((subject) => takesIn(wildcard, subject)));
  const burstAlone = read.RATE_LIMIT_BURST !== undefined && read.RATE_LIMIT_PER_S === undefined;
  return [
    ...natsProblems(read),
    ...(takesInRequests ? ['RELEASE_SUBJECTS must not take in the subject of a request.'] : []),
    // A third one would let nobody in, and its owner would look for the reason elsewhere.
    ...(readTokens(read.CONSOLE_TOKEN).ignored > 0 ? [`CONSOLE_TOKEN must have at most ${MOST_TOKENS} tokens.`] : []),
    ...(burstAlone ? ['RATE_LIMIT_PER_S is required with RATE_LIMIT_BURST.'] : []),
  ];
}

function throwIfAny(problems: readonly string[]): void {
  if (problems.length > 0) throw new ConfigError(problems);
}

function toRateLimit({ RATE_LIMIT_PER_S: perS, RATE_LIMIT_BURST: burst }: RelayEnv): RateLimit | undefined {
  return perS === undefined ? undefined : { perS, burst: burst ?? Math.max(1, Math.floor(perS)) };
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
