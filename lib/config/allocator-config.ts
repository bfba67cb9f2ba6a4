import * as z from 'zod/mini';
import { DECISION_LOGS, type DecisionLogMode } from '../app/decision-log.ts';
import type { Strategy } from '../app/placement.ts';
import type { PlacementConfig } from '../placement/lua-placement.ts';
import {
  ConfigError,
  defaulted,
  httpUrl,
  integer,
  number,
  oneOf,
  parseHttpUrl,
  secret,
  text,
  variable,
} from './env.ts';
import { type Services, ServicesVariables, toServices } from './services.ts';

const GIB = 1024 ** 3;

const STRATEGIES = ['spread', 'pack'] as const satisfies readonly Strategy[];

/** PromQL selector of one metric of the game servers, as cAdvisor labels them under Docker Compose. */
const cadvisor = (metric: string) => `${metric}{container_label_com_docker_compose_service="$service"}`;

/** What deciding needs to know, in a function or in a relay that decides in its own process. */
export const AllocatorVariables = {
  ...ServicesVariables,
  INSTANCE_ID: defaulted(oneOf(['address', 'service_id']), 'address'),

  CONSUL_URL: z.optional(httpUrl()),
  CONSUL_HOST: defaulted(
    variable('must be a host name or address', (value) => (isHost(value) ? value : undefined)),
    'consul',
  ),
  CONSUL_PORT: defaulted(integer(1, 65_535), 8500),

  PROMETHEUS_URL: defaulted(
    variable('must be an http or https URL without user name or password, or off', (value) =>
      value === 'off' ? ('off' as const) : parseHttpUrl(value),
    ),
    new URL('http://prometheus:9090'),
  ),
  PROMETHEUS_INSTANCE_LABEL: defaulted(
    variable('must be a Prometheus label name', (value) =>
      /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(value) ? value : undefined,
    ),
    'instance',
  ),
  /** PromQL; $service, $label and $window stand for the settings of those names. One lost scrape empties [30s]. */
  PROMETHEUS_CPU_QUERY: defaulted(
    text(),
    `sum by ($label) (rate(${cadvisor('container_cpu_usage_seconds_total')}[$window]) or rate(${cadvisor('container_cpu_usage_seconds_total')}[1m]))`,
  ),
  PROMETHEUS_MEMORY_QUERY: defaulted(text(), `sum by ($label) (${cadvisor('container_memory_usage_bytes')})`),
  /** When the sample was taken. timestamp() tells that of a plain selector only; of anything else, the time of asking. */
  PROMETHEUS_TIME_QUERY: defaulted(text(), `max by ($label) (timestamp(${cadvisor('container_memory_usage_bytes')}))`),
  SCRAPE_INTERVAL_S: defaulted(number(1, 300), 15),
  CPU_WINDOW_S: z.optional(number(2, 3600)),

  /** What an instance can carry that does not say so in Consul. */
  INSTANCE_CPU_CORES: defaulted(number(0.01, 10_000), 4),
  INSTANCE_MEMORY_BYTES: defaulted(number(1, 1e15), 8 * GIB),
  /** The least that a game is expected to use; what games really use is learned above that. */
  GAME_CPU_CORES: defaulted(number(0.0001, 1000), 0.12),
  GAME_MEMORY_BYTES: defaulted(number(1, 1e13), 113e6),
  /** The same for games whose resource_level is high, where they are of another size. */
  GAME_CPU_CORES_HIGH: z.optional(number(0.0001, 1000)),
  GAME_MEMORY_BYTES_HIGH: z.optional(number(1, 1e13)),
  STRATEGY: defaulted(oneOf(STRATEGIES), 'spread'),
  /** `pack` fills instances up to this expected utilisation. */
  PACK_CEILING: defaulted(number(0.05, 1), 0.75),
  /** What a request may ask for. */
  REQUEST_STRATEGIES: defaulted(variable('must have spread and pack only, separated by commas', parseStrategies), []),

  /** Which decisions are logged, so that `replay` can make them again. */
  DECISION_LOG: defaulted(oneOf(DECISION_LOGS), 'sample'),

  FLEET_FRESH_MS: defaulted(integer(0, 10_000), 2000),
  FLEET_STALE_MS: defaulted(integer(10_000, 86_400_000), 300_000),

  GAME_CACHE_TTL: defaulted(integer(1, 31_536_000), 60),
  /** How long a game holds its place on an instance that has only so many, s. */
  SESSION_TTL: z.optional(integer(1, 315_360_000)),
  /** Of each service: whoever makes up game ids cannot fill Redis with them. */
  MAX_LIVE_GAMES: z.optional(integer(1, 100_000_000)),
  /** An instance that is gone keeps its games for this long; 0: for ever. */
  REASSIGN_GRACE_MS: defaulted(integer(0, 86_400_000), 30_000),
  STATE_PREFIX: defaulted(text(), 'game-allocator'),
  UPSTASH_REDIS_REST_URL: z.optional(httpUrl()),
  REDIS_HOST: defaulted(text(), 'localhost'),
  REDIS_PORT: defaulted(integer(1, 65_535), 6379),
  REDIS_DB: defaulted(integer(0, 1_000_000), 0),

  SSM_PATH: z.optional(
    variable('must be a parameter path such as /game-allocator/prod', (value) =>
      /^(\/[\w.-]+)+$/.test(value) ? value : undefined,
    ),
  ),
  UPSTASH_REDIS_REST_TOKEN: z.optional(secret()),
  REDIS_PASSWORD: z.optional(secret()),
  CONSUL_TOKEN: z.optional(secret()),
  PROMETHEUS_TOKEN: z.optional(secret()),
  /** Bearer tokens of the HTTP API, at most two, so that one can be replaced while the other works. */
  API_TOKENS: z.optional(secret()),
};
type AllocatorEnv = z.infer<z.ZodMiniObject<typeof AllocatorVariables>>;

/** Secrets by their variable's name; in SSM the same names in lower case with hyphens. */
export const SECRET_NAMES = [
  'UPSTASH_REDIS_REST_TOKEN',
  'REDIS_PASSWORD',
  'CONSUL_TOKEN',
  'PROMETHEUS_TOKEN',
  'API_TOKENS',
] as const;
export type SecretName = (typeof SECRET_NAMES)[number];

export interface AllocatorConfig {
  readonly services: Services;
  readonly consul: {
    readonly baseUrl: URL;
    readonly instanceId: 'address' | 'service_id';
    readonly defaults: { readonly cpuCores: number; readonly memoryBytes: number };
  };
  /** Absent: place by own counts only. */
  readonly prometheus?: {
    readonly baseUrl: URL;
    readonly label: string;
    /** PromQL with $service, $label and $window in it. */
    readonly templates: { readonly cpu: string; readonly memory: string; readonly time: string };
  };
  /** Ages of the fleet view, ms: used as it is, and used at all. */
  readonly view: { readonly freshMs: number; readonly staleMs: number };
  /** The same for every service. */
  readonly placement: Omit<PlacementConfig, 'serviceName' | 'recordPrefix'>;
  /** What a request may ask for instead of the configured one. */
  readonly requestStrategies: readonly Strategy[];
  readonly decisionLog: DecisionLogMode;
  readonly redis:
    | { readonly kind: 'upstash'; readonly url: URL }
    | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly db: number };
  /** Secrets that the environment gives; the others are read under `ssmPath`, where there is one. */
  readonly secrets: Readonly<Partial<Record<SecretName, string>>>;
  readonly ssmPath?: string;
}

/** Seconds that a record lives beyond GAME_CACHE_TTL, as the replaced service wrote it. */
const RECORD_GRACE_S = 10;

/** Throws ConfigError where variables that are valid by themselves do not fit together. */
export function toAllocatorConfig(env: AllocatorEnv): AllocatorConfig {
  const recordTtlS = env.GAME_CACHE_TTL + RECORD_GRACE_S;
  const leaseTtlS = env.SESSION_TTL ?? recordTtlS;
  // The place of a game that is still recorded would be given to another.
  if (leaseTtlS < recordTtlS) {
    throw new ConfigError([`SESSION_TTL must be at least GAME_CACHE_TTL + ${RECORD_GRACE_S}.`]);
  }
  // rate() needs two samples inside its window, and a window shorter than 20 s is mostly noise.
  const cpuWindowS = env.CPU_WINDOW_S ?? Math.max(20, 2 * env.SCRAPE_INTERVAL_S);
  return {
    services: toServices(env),
    consul: {
      baseUrl: env.CONSUL_URL ?? new URL(`http://${env.CONSUL_HOST}:${env.CONSUL_PORT}`),
      instanceId: env.INSTANCE_ID,
      defaults: { cpuCores: env.INSTANCE_CPU_CORES, memoryBytes: env.INSTANCE_MEMORY_BYTES },
    },
    ...(env.PROMETHEUS_URL !== 'off' && {
      prometheus: {
        baseUrl: env.PROMETHEUS_URL,
        label: env.PROMETHEUS_INSTANCE_LABEL,
        templates: {
          cpu: env.PROMETHEUS_CPU_QUERY,
          memory: env.PROMETHEUS_MEMORY_QUERY,
          time: env.PROMETHEUS_TIME_QUERY,
        },
      },
    }),
    view: { freshMs: env.FLEET_FRESH_MS, staleMs: env.FLEET_STALE_MS },
    placement: {
      statePrefix: env.STATE_PREFIX,
      recordTtlS,
      leaseTtlS,
      mostGames: env.MAX_LIVE_GAMES,
      reassignGraceMs: env.REASSIGN_GRACE_MS,
      scrapeIntervalS: env.SCRAPE_INTERVAL_S,
      cpuWindowS,
      gameCost: {
        low: { cpuCores: env.GAME_CPU_CORES, memoryBytes: env.GAME_MEMORY_BYTES },
        high: {
          cpuCores: env.GAME_CPU_CORES_HIGH ?? env.GAME_CPU_CORES,
          memoryBytes: env.GAME_MEMORY_BYTES_HIGH ?? env.GAME_MEMORY_BYTES,
        },
      },
      strategy: env.STRATEGY,
      packCeiling: env.PACK_CEILING,
    },
    requestStrategies: env.REQUEST_STRATEGIES,
    decisionLog: env.DECISION_LOG,
    redis: env.UPSTASH_REDIS_REST_URL
      ? { kind: 'upstash', url: env.UPSTASH_REDIS_REST_URL }
      : { kind: 'tcp', host: env.REDIS_HOST, port: env.REDIS_PORT, db: env.REDIS_DB },
    secrets: Object.fromEntries(SECRET_NAMES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
    ...(env.SSM_PATH !== undefined && { ssmPath: env.SSM_PATH }),
  };
}

/** Whether an address can be made with `value` as its host and nothing but its host; IPv6 in brackets. */
function isHost(value: string): boolean {
  return /^(?:[\w.-]+|\[[\da-f:.]+\])$/i.test(value) && URL.canParse(`http://${value}`);
}

function parseStrategies(value: string): readonly Strategy[] | undefined {
  const names = value.split(',').map((name) => name.trim().toLowerCase());
  const known = STRATEGIES.filter((strategy) => names.includes(strategy));
  return names.every((name) => known.some((strategy) => strategy === name)) ? known : undefined;
}
