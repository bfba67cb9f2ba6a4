import { createHash } from 'node:crypto';
import { type DecidedFields, toDecidedFields } from '../../../lib/app/decision-lines.ts';
import type { Candidate, PlacementRequest } from '../../../lib/app/placement.ts';
import type { RedisClient, Script } from '../../../lib/app/ports.ts';
import { createLuaPlacement, type PlacementConfig } from '../../../lib/placement/lua-placement.ts';
import type { LoggedDecision, LoggedSnapshot } from './logged-lines.ts';

/** The snapshot of a logged decision: the figures that all of its lines have, and the instances of any of them. */
export interface KnownSnapshot extends Pick<LoggedSnapshot, 'rule' | 'newest_sample_s'> {
  readonly instances: Map<string, LoggedSnapshot['instances'][number]>;
}

/** The configuration without its keys, which belong to whoever decides. */
export type Rule = Omit<PlacementConfig, 'serviceName' | 'recordPrefix' | 'statePrefix'>;

export interface DecideAgainOptions {
  readonly redis: RedisClient;
  readonly script: Script;
  /** All keys begin with it. No other call may use them at the same time. */
  readonly prefix: string;
  /** What is configured otherwise than it was. */
  readonly change: (rule: Rule) => Rule;
}

const SERVICE = 'replay';
/** A replay that is killed leaves its keys behind for so long. */
const KEPT_S = 600;
const LIMIT_MS = 20_000;
/** Long after everything. */
const NO_DEADLINE = Number.MAX_SAFE_INTEGER / 2;

const SEED = toScript(
  `redis.call('DEL', KEYS[1]) redis.call('HSET', KEYS[1], unpack(ARGV)) redis.call('EXPIRE', KEYS[1], ${KEPT_S}) return 'ok'`,
);
const REMOVE = toScript("return tostring(redis.call('DEL', unpack(KEYS)))");

/** The one key that is written. */
function stateKey(prefix: string): string {
  return `${prefix}:v1:${SERVICE}`;
}

/**
 * Puts the state that the decision met into Redis, and lets place.lua decide from it, which writes nothing.
 * @param snapshot has all of its candidates
 * @throws UpstreamError
 */
export async function decideAgain(
  decision: LoggedDecision,
  snapshot: KnownSnapshot,
  { redis, script, prefix, change }: DecideAgainOptions,
): Promise<DecidedFields> {
  const candidates = decision.candidates.flatMap(({ id }) => toCandidate(snapshot, id) ?? []);
  const signal = AbortSignal.timeout(LIMIT_MS);
  const fields = decision.candidates.flatMap(({ id, state }) => [`i:${id}`, JSON.stringify(state)]);
  const seeds = ['fleet', JSON.stringify(decision.averages), ...fields];
  await redis.runScript(SEED, [stateKey(prefix)], seeds, signal);

  const nowMs = decision.at_ms;
  const rule = change(toRule(snapshot, decision));
  const keys = { serviceName: SERVICE, statePrefix: prefix, recordPrefix: `${prefix}:games` };
  const [sampled, sessions, ended, median, high] = decision.whole;
  const placement = createLuaPlacement(redis, { ...rule, ...keys }, () => nowMs, {
    script,
    // In the middle of its millisecond: place.lua cuts off what is beyond it.
    nowS: () => (nowMs + 0.5) / 1000,
    again: { dryRun: true, asOf: { sampled, sessions, ended, ...(median !== false && { median, high }) } },
  });
  const { decisions = [] } = await placement.place(
    { candidates, newestSampleS: snapshot.newest_sample_s, requests: [toRequest(decision)], tell: [0] },
    signal,
  );
  const [made] = decisions;
  return made === undefined ? { outcome: 'no_candidate' } : toDecidedFields(made, candidates);
}

/** Removes what deciding again has left under these prefixes. Throws UpstreamError. */
export async function removeKeys(redis: RedisClient, prefixes: readonly string[]): Promise<void> {
  await redis.runScript(REMOVE, prefixes.map(stateKey), [], AbortSignal.timeout(LIMIT_MS));
}

function toCandidate(snapshot: KnownSnapshot, id: string): Candidate | undefined {
  const instance = snapshot.instances.get(id);
  if (instance === undefined) return undefined;
  const { cpu_cores, memory_bytes, max_games, sample } = instance;
  return {
    instance: {
      id,
      status: 'eligible',
      cpuCores: cpu_cores,
      memoryBytes: memory_bytes,
      tags: [],
      meta: {},
      ...(max_games !== undefined && { maxGames: max_games }),
    },
    sample: sample && { atS: sample[0], cpuCores: sample[1], memoryBytes: sample[2] },
  };
}

function toRequest({ game_id, level, expected, strategy, tiers }: LoggedDecision): PlacementRequest {
  return {
    op: 'assign',
    gameId: game_id,
    level,
    attempt: 'replay',
    deadlineMs: NO_DEADLINE,
    ...(expected && {
      expected: {
        exact: expected.exact,
        ...(expected.cpu_cores !== undefined && { cpuCores: expected.cpu_cores }),
        ...(expected.memory_bytes !== undefined && { memoryBytes: expected.memory_bytes }),
      },
    }),
    ...(strategy && { strategy }),
    ...(tiers && { tiers }),
  };
}

function toRule({ rule }: KnownSnapshot, { moved }: LoggedDecision): Rule {
  const toCost = ([cpuCores, memoryBytes]: readonly [number, number]) => ({ cpuCores, memoryBytes });
  return {
    recordTtlS: rule.record_ttl_s,
    leaseTtlS: rule.lease_ttl_s,
    // A game that moves has its place among the most already.
    mostGames: rule.most_games === false || moved ? undefined : rule.most_games,
    reassignGraceMs: rule.grace_s * 1000,
    scrapeIntervalS: rule.scrape_interval_s,
    cpuWindowS: rule.cpu_window_s,
    gameCost: { low: toCost(rule.cost), high: toCost(rule.high_cost) },
    strategy: rule.strategy,
    packCeiling: rule.pack_ceiling,
  };
}

function toScript(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}
