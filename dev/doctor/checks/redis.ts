import type { AllocatorConfig } from '../../../lib/config/allocator-config.ts';
import { createLuaPlacement } from '../../../lib/placement/lua-placement.ts';
import { type Asking, timed } from '../ask.ts';
import { codeOf, explainFailure } from '../explain-failure.ts';
import type { RedisConnection } from '../redis-connection.ts';
import { type Checked, type Finding, failed, ok, warning } from '../report.ts';

/** Whether Redis answers, keeps what it is given, and takes our script. Writes nothing. */
export async function checkRedis(redis: RedisConnection, config: AllocatorConfig, asking: Asking): Promise<Checked> {
  const { client, target } = redis;
  const key = `${config.placement.statePrefix}:doctor:nothing`;
  let ms: number;
  try {
    ({ ms } = await timed(() => client.get(key, asking.limit())));
  } catch (error) {
    return { findings: [explainFailure(error, target, asking.timeoutMs)] };
  }
  const [version, eviction, script] = await Promise.all([
    readVersion(redis, asking.limit()),
    judgeEviction(redis, asking),
    tryScript(redis, config, asking),
  ]);
  return { ms, ...(version !== undefined && { version }), findings: [script, eviction] };
}

/** A look up in a service of no games: the script reads, and finds nothing. */
async function tryScript(
  { client, target }: RedisConnection,
  config: AllocatorConfig,
  asking: Asking,
): Promise<Finding> {
  const prefix = `${config.placement.statePrefix}:doctor`;
  const keys = { serviceName: 'doctor', statePrefix: prefix, recordPrefix: `${prefix}:games` };
  const placement = createLuaPlacement(client, { ...config.placement, ...keys }, Date.now);
  const request = { op: 'lookup', gameId: crypto.randomUUID(), deadlineMs: Number.MAX_SAFE_INTEGER / 2 } as const;
  try {
    await placement.place({ candidates: [], newestSampleS: undefined, requests: [request] }, asking.limit());
    return ok('the script runs');
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) return explainFailure(error, target, asking.timeoutMs);
    const allowed =
      code === 'NOPERM' ? 'May this user run EVALSHA and EVAL, on keys of STATE_PREFIX and RECORD_PREFIX?' : '';
    return failed(
      `the script does not run (${code})`,
      allowed || `${target.name} takes no scripts like ours: the log of ${target.name} says why.`,
    );
  }
}

const OFF = 'noeviction';

async function judgeEviction(redis: RedisConnection, asking: Asking): Promise<Finding> {
  const policy =
    (await readPolicy(redis, asking)) ?? (await readInfo(redis, 'memory', asking.limit()))?.get('maxmemory_policy');
  const off = redis.kind === 'upstash' ? 'Turn Eviction off in the Upstash console' : `Set maxmemory-policy to ${OFF}`;
  if (policy === undefined) {
    return redis.kind === 'upstash'
      ? ok('whether eviction is off it does not tell: see Eviction in the Upstash console')
      : warning(
          'whether eviction is off it does not tell',
          `${off}, if it is not: full, Redis would forget which game runs where.`,
        );
  }
  if (policy === OFF) return ok('eviction is off');
  return failed(
    `eviction is on (${policy})`,
    `${off}: full, Redis would forget which game runs where, our records first.`,
  );
}

async function readPolicy(redis: RedisConnection, asking: Asking): Promise<string | undefined> {
  try {
    const answer = await redis.command(['CONFIG', 'GET', 'maxmemory-policy'], asking.limit());
    const policy = Array.isArray(answer) ? answer[1] : undefined;
    return isWord(policy) ? policy : undefined;
  } catch {
    return undefined; // where CONFIG is not for everybody, INFO may still tell
  }
}

async function readVersion(redis: RedisConnection, signal: AbortSignal): Promise<string | undefined> {
  const info = await readInfo(redis, 'server', signal);
  const version = info?.get('upstash_version') ?? info?.get('valkey_version') ?? info?.get('redis_version');
  return isWord(version) ? version : undefined;
}

/** INFO's lines by name; undefined where it is not answered. */
async function readInfo(redis: RedisConnection, section: string, signal: AbortSignal) {
  try {
    const text = await redis.command(['INFO', section], signal);
    const lines = typeof text === 'string' ? text.split(/\r?\n/) : [];
    return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
  } catch {
    return undefined;
  }
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.+-]{1,40}$/.test(value);
}
