import * as z from 'zod/mini';
import { needsGames, OPS, type Op } from '../api/op.ts';
import { ConfigError, defaulted, text, type Variable, variable } from './env.ts';

/** A kind of game server: all that Consul and Prometheus have under one name. */
export interface Service {
  readonly name: string;
  /** Where each operation is asked for over NATS; absent: it is not. No two operations share a subject. */
  readonly subjects: Readonly<Partial<Record<Op, string>>>;
  /** Its games' records are under `<recordPrefix>:<game_id>`. Undefined: it has no games and only gives instances. */
  readonly recordPrefix: string | undefined;
}

/** At least one, the default one first. */
export type Services = readonly [Service, ...Service[]];

const SUBJECT = /^[^\s.*>]+(\.[^\s.*>]+)*$/;
const SUBJECT_RULE = 'must be a NATS subject without wildcards';
/** It is a part of keys in Redis and of paths; and JavaScript puts names that are numbers before all others. */
const NAME = /^[a-z][\w.-]{0,127}$/i;

const OneService = z.strictObject(
  {
    ...subjectsBy(() => z.optional(z.string('must be a string').check(z.regex(SUBJECT, SUBJECT_RULE)))),
    record_prefix: z.optional(z.string('must be a string').check(z.regex(/\S/, 'must not be blank'))),
  },
  {
    // Strict: an operation that is misspelt would not be served, and nobody told.
    error: ({ code }) =>
      code === 'unrecognized_keys'
        ? `must have no other keys than ${OPS.join(', ')}, record_prefix`
        : 'must be an object',
  },
);
type OneService = z.infer<typeof OneService>;

const NamedServices = z.pipe(
  z.record(z.string(), OneService, 'must be a JSON object'),
  z.transform((services, context): readonly [OneNamed, ...OneNamed[]] => {
    const [first, ...others] = Object.entries(services);
    const misnamed = Object.keys(services).some((name) => !NAME.test(name));
    if (first !== undefined && !misnamed) return [first, ...others];
    const message = misnamed
      ? 'must have names that begin with a letter and have letters, digits, ., _ and - only'
      : 'must name a service';
    context.issues.push({ code: 'custom', message, input: services });
    return z.NEVER;
  }),
);
type OneNamed = readonly [name: string, service: OneService];

/** What says which services there are, to the relay and to the functions alike; see toServices. */
export const ServicesVariables = {
  /** JSON, by name: the subject of each operation, and record_prefix. */
  SERVICES: z.optional(z.pipe(variable('must be JSON', parseJson), NamedServices)),
  /** Renames the first one of those that are there by default. */
  GAME_SERVICE_NAME: z.optional(text()),
  /**
   * Where that one's games are assigned, and nothing else is asked for over NATS then: whoever tells two allocators
   * apart by this must not have them answer each other's look ups and releases.
   */
  ASSIGN_SUBJECT: z.optional(natsSubject()),
  /** Of the first service. */
  RECORD_PREFIX: defaulted(text(), 'games'),
};
type ServicesEnv = z.infer<z.ZodMiniObject<typeof ServicesVariables>>;

/** A subject to listen on or to publish to. */
export function natsSubject(): Variable<string> {
  return variable(SUBJECT_RULE, (value) => (SUBJECT.test(value) ? value : undefined));
}

/** Throws ConfigError with every problem at once where variables that are valid by themselves do not fit together. */
export function toServices(env: ServicesEnv): Services {
  const [[firstName, first], ...others] = env.SERVICES ?? defaultServices(env);
  const services = [
    toService(firstName, { record_prefix: env.RECORD_PREFIX, ...first }),
    ...others.map(([name, service]) => toService(name, service)),
  ] as const;
  const problems = [
    ...(['GAME_SERVICE_NAME', 'ASSIGN_SUBJECT'] as const)
      .filter((name) => env.SERVICES !== undefined && env[name] !== undefined)
      .map((name) => `${name} must not be set beside SERVICES, which says it.`),
    ...problemsOfNames(services),
    ...problemsOfSubjects(services),
    ...problemsOfPrefixes(services),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return services;
}

function defaultServices({ GAME_SERVICE_NAME, ASSIGN_SUBJECT }: ServicesEnv): readonly [OneNamed, ...OneNamed[]] {
  const name = GAME_SERVICE_NAME ?? 'game-service';
  if (ASSIGN_SUBJECT !== undefined)
    return [
      [name, { assign: ASSIGN_SUBJECT }],
      ['ai-service', {}],
    ];
  return [
    [name, subjectsBy((op) => `game.${op}.request`)],
    ['ai-service', { instance: 'ai.instance.request', instances: 'ai.instances.request' }],
  ];
}

function toService(name: string, { record_prefix, ...subjects }: OneService): Service {
  return { name, subjects: withoutAbsent(subjects), recordPrefix: record_prefix };
}

function problemsOfNames(services: Services): string[] {
  const twice = services.some(({ name }, index) => services.findIndex((other) => other.name === name) !== index);
  return twice ? ['GAME_SERVICE_NAME must not be the name of another service; SERVICES can say what is meant.'] : [];
}

/** Whoever asks on a subject gets one answer. */
function problemsOfSubjects(services: Services): string[] {
  const seen = new Set<string>();
  return services.flatMap(({ name, subjects }) =>
    Object.entries(subjects).flatMap(([op, subject]) => {
      if (seen.has(subject)) return [`SERVICES.${name}.${op} must not be the subject of another operation.`];
      seen.add(subject);
      return [];
    }),
  );
}

/** No game of one service may be recorded under a key of another's. */
function problemsOfPrefixes(services: Services): string[] {
  return services.flatMap(({ name, subjects, recordPrefix }, index) => {
    const field = `SERVICES.${name}.record_prefix`;
    if (recordPrefix === undefined) {
      const op = OPS.find((known) => needsGames(known) && subjects[known] !== undefined);
      return op === undefined ? [] : [`${field} is required, since the service has ${op}.`];
    }
    const others = services.slice(0, index).flatMap((other) => other.recordPrefix ?? []);
    const clashes = others.some((other) => isWithin(recordPrefix, other) || isWithin(other, recordPrefix));
    return clashes ? [`${field} must not be, or begin with, the one of another service.`] : [];
  });
}

function isWithin(prefix: string, other: string): boolean {
  return `${prefix}:`.startsWith(`${other}:`);
}

function subjectsBy<T>(make: (op: Op) => T): Record<Op, T> {
  return Object.fromEntries(OPS.map((op) => [op, make(op)])) as Record<Op, T>;
}

function withoutAbsent(subjects: Partial<Record<Op, string | undefined>>): Service['subjects'] {
  return Object.fromEntries(Object.entries(subjects).filter(([, subject]) => subject !== undefined));
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}
