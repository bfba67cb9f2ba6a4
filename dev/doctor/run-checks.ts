import { type AllocatorConfig, SECRET_NAMES } from '../../lib/config/allocator-config.ts';
import type { RelayConfig } from '../../lib/config/relay-config.ts';
import type { Asking } from './ask.ts';
import { checkConsul } from './checks/consul.ts';
import { checkFunction } from './checks/function.ts';
import { checkNats } from './checks/nats.ts';
import { checkPlacement } from './checks/placement.ts';
import { checkPrometheus } from './checks/prometheus.ts';
import { checkRedis } from './checks/redis.ts';
import { checkRelay } from './checks/relay.ts';
import { givenSecrets, readSecrets, type SecretsRead } from './checks/ssm.ts';
import type { DoctorConfig } from './configuration.ts';
import type { CheckName } from './options.ts';
import { openRedis, type RedisConnection } from './redis-connection.ts';
import { type Checked, type CheckReport, failed, scrubbed, skipped, statusOf } from './report.ts';

type Check = () => Checked | Promise<Checked>;
type AllocatorChecks = Readonly<Record<'ssm' | 'consul' | 'prometheus' | 'redis' | 'placement', Check>>;

/** Asks everybody at once, each within limits of its own. Only who needs another's answer waits for that. */
export async function runChecks(
  { allocator, relay, relayUrl, checked }: DoctorConfig,
  skip: ReadonlySet<string>,
  asking: Asking,
): Promise<readonly CheckReport[]> {
  const whyNot = skipped(
    statusOf(checked) === 'failed'
      ? 'not asked: the configuration has problems'
      : 'not asked: this environment is of a relay that only forwards; the function has it',
  );
  const secrets = allocator && once(() => (skip.has('ssm') ? givenSecrets(allocator) : readSecrets(allocator, asking)));
  const close: (() => void)[] = [];
  const needed = allocator && secrets && checkWhatDecides(allocator, secrets, skip, asking, close);
  const checks: Readonly<Record<CheckName, Check>> = {
    configuration: () => checked,
    ssm: needed?.ssm ?? (() => whyNot),
    consul: needed?.consul ?? (() => whyNot),
    prometheus: needed?.prometheus ?? (() => whyNot),
    redis: needed?.redis ?? (() => whyNot),
    placement: needed?.placement ?? (() => whyNot),
    nats: () => (relay === undefined ? whyNot : checkNats(relay, asking)),
    function: () => (relay === undefined ? whyNot : checkFunction(relay, asking)),
    relay: () => checkRelay(relayUrl, asking),
  };
  const reports = await Promise.all(
    Object.entries(checks).map(async ([name, check]): Promise<CheckReport> => {
      return { name, ...(skip.has(name) ? skipped('as asked for') : await settled(check)) };
    }),
  );
  for (const each of close) each();
  const read = await secrets?.();
  const values = [
    ...SECRET_NAMES.map((name) => read?.get(name)),
    ...(relay === undefined ? [] : secretsOfRelay(relay)),
  ];
  return scrubbed(
    reports,
    values.filter((value) => value !== undefined),
  );
}

function secretsOfRelay({ allocator, nats: { credentials } }: RelayConfig): (string | undefined)[] {
  return [
    allocator.kind === 'function' && allocator.auth.kind === 'token' ? allocator.auth.token : undefined,
    credentials?.kind === 'user' ? credentials.password : undefined,
    credentials?.kind === 'token' ? credentials.token : undefined,
    credentials?.kind === 'nkey_seed' ? credentials.seed : undefined,
  ];
}

/** What deciding needs. `close` gets what is to be called at the end. */
function checkWhatDecides(
  allocator: AllocatorConfig,
  secrets: () => Promise<SecretsRead>,
  skip: ReadonlySet<string>,
  asking: Asking,
  close: (() => void)[],
): AllocatorChecks {
  const consul = once(async () => checkConsul(allocator, (await secrets()).get('CONSUL_TOKEN'), asking));
  const lists = async () => {
    if (skip.has('consul')) return new Map();
    return consul().then(
      ({ lists }) => lists,
      () => new Map(),
    );
  };
  const connection = once(async (): Promise<RedisConnection | undefined> => {
    const { get } = await secrets();
    if (allocator.redis.kind === 'upstash' && get('UPSTASH_REDIS_REST_TOKEN') === undefined) return undefined;
    const redis = openRedis(allocator, get);
    close.push(redis.close);
    return redis;
  });
  const redis = once(async () => {
    const open = await connection();
    return open ? checkRedis(open, allocator, asking) : skipped('not asked: its token is in SSM, see ssm');
  });

  return {
    ssm: async () => (await secrets()).checked,
    consul: async () => (await consul()).checked,
    prometheus: async () => {
      const token = (await secrets()).get('PROMETHEUS_TOKEN');
      return checkPrometheus(allocator, token, lists(), asking);
    },
    redis,
    placement: async () => {
      // Without a round trip there is nothing to play in, and one complaint of that is enough.
      const answers = skip.has('redis') || (await redis()).ms !== undefined;
      const open = await connection();
      if (!answers || open === undefined) return skipped('not played: Redis does not answer, see redis');
      const { statePrefix } = allocator.placement;
      return checkPlacement({ redis: open.client, target: open.target, statePrefix, asking });
    },
  };
}

/** A check that fails in a way of its own is a finding too, and costs no other. */
async function settled(check: Check): Promise<Checked> {
  try {
    return await check();
  } catch (error) {
    const name = error instanceof Error ? error.name : typeof error;
    return { findings: [failed(`the check itself failed (${name})`, 'That is a defect of the doctor: report it.')] };
  }
}

/** `make`'s result, made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
