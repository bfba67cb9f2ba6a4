import { type AllocatorConfig, AllocatorVariables } from '../../lib/config/allocator-config.ts';
import { ConfigError, type Env } from '../../lib/config/env.ts';
import { readFunctionConfig } from '../../lib/config/function-config.ts';
import { NatsVariables } from '../../lib/config/nats-config.ts';
import { type RelayConfig, readRelayConfig } from '../../lib/config/relay-config.ts';
import { ServicesVariables } from '../../lib/config/services.ts';
import type { StackAddresses } from '../stack.ts';
import { type Checked, failed, ok, warning } from './report.ts';

export interface DoctorConfig {
  /** Where it comes from, as a sentence. */
  readonly source: string;
  /** Absent: this environment leaves that to a function, or has problems. */
  readonly allocator: AllocatorConfig | undefined;
  /** Absent: it has problems. */
  readonly relay: RelayConfig | undefined;
  readonly relayUrl: URL | undefined;
  readonly checked: Checked;
}

/** What belongs to the relay alone and says where something is, or who is asked. */
const RELAY_NAMES = [
  ...Object.keys(NatsVariables),
  'QUEUE_GROUP',
  'ALLOCATOR_URL',
  'ALLOCATOR_TOKEN',
  'ALLOCATOR_AUTH',
];
const OWN_NAMES = [...Object.keys(AllocatorVariables), ...RELAY_NAMES];

/** The configuration of `stack`, where one runs and `env` has none of our variables; else that of `env`. */
export function readDoctorConfig(env: Env, stack: StackAddresses | undefined): DoctorConfig {
  const own = OWN_NAMES.some((name) => isSet(env, name));
  if (own) return read(env, 'Configured by the environment.', undefined);
  if (stack === undefined)
    return read(env, 'Nothing is configured, and no `npm start` runs in this folder.', undefined);
  return read(envOfStack(stack), 'The stack that `npm start` brought up in this folder.', new URL(stack.relayUrl));
}

/** A stack's addresses as the variables of its functions and its relay. */
export function envOfStack(stack: StackAddresses): Env {
  return {
    CONSUL_URL: stack.consulUrl,
    PROMETHEUS_URL: stack.prometheusUrl,
    SCRAPE_INTERVAL_S: '5',
    UPSTASH_REDIS_REST_URL: stack.upstashUrl,
    UPSTASH_REDIS_REST_TOKEN: stack.upstashToken,
    API_TOKENS: stack.assignToken,
    NATS_URL: stack.natsUrl,
    ALLOCATOR_URL: new URL('/batch', stack.assignUrl).href,
    ALLOCATOR_TOKEN: stack.assignToken,
  };
}

function read(env: Env, source: string, relayUrl: URL | undefined): DoctorConfig {
  const problems = new Set<string>();
  const relay = collect(() => readRelayConfig(env), problems);
  const allocator = collect(() => readAllocatorConfig(env, relay), problems);
  const configured = OWN_NAMES.some((name) => isSet(env, name));
  const findings = [
    ...[...problems].map((problem) => failed(problem, 'Set it right; the README lists every variable.')),
    ...(configured
      ? []
      : [warning('only defaults', 'Set the variables that the functions and the relay have, or run `npm start`.')]),
  ];
  const names = OWN_NAMES.filter((name) => isSet(env, name)).length;
  const checked = { findings: findings.length > 0 ? findings : [ok(`${names} variables, all valid`)] };
  return { source, allocator, relay, relayUrl, checked };
}

/** As whoever decides reads it: the functions where there is Upstash or a function, else a relay in its own process. */
function readAllocatorConfig(env: Env, relay: RelayConfig | undefined): AllocatorConfig | undefined {
  if (isSet(env, 'UPSTASH_REDIS_REST_URL')) return readFunctionConfig(env).allocator;
  if (!isSet(env, 'ALLOCATOR_URL')) return relay?.allocator.kind === 'own' ? relay.allocator.config : undefined;
  // A relay that only forwards needs nothing of it; some of it and no Upstash is a function's that cannot start.
  const deciding = Object.keys(AllocatorVariables).filter((name) => !Object.hasOwn(ServicesVariables, name));
  return deciding.some((name) => isSet(env, name)) ? readFunctionConfig(env).allocator : undefined;
}

function collect<T>(reading: () => T, problems: Set<string>): T | undefined {
  try {
    return reading();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) problems.add(problem);
    return undefined;
  }
}

function isSet(env: Env, name: string): boolean {
  return env[name] !== undefined && env[name] !== '';
}
