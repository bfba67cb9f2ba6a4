import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as z from 'zod/mini';
import type { Candidate, Placement, PlacementResult } from '../app/placement.ts';
import type { Clock, RedisClient, Script } from '../app/ports.ts';
import { UpstreamError } from '../app/upstream-error.ts';
import { isInstanceId } from '../domain/ids.ts';
import { createRemoteClock } from './remote-clock.ts';

/** What the rule needs to know of this service; see place.lua for the rule itself. */
export interface PlacementConfig {
  readonly serviceName: string;
  /** Records are under `<recordPrefix>:<game_id>`; other services read and write them too. */
  readonly recordPrefix: string;
  readonly statePrefix: string;
  readonly recordTtlS: number;
  readonly scrapeIntervalS: number;
  /** The window of the CPU rate, s. */
  readonly cpuWindowS: number;
  /** The least that a game is expected to use, cores and bytes. */
  readonly gameCpuCores: number;
  readonly gameMemoryBytes: number;
}

export interface PlacementOptions {
  /** Stands in for Redis's clock, in seconds: for tests and the simulator, which live through hours in a moment. */
  readonly nowS?: () => number;
}

/** The version of the layout in Redis; it is in the keys, so that two versions of this code can run side by side. */
const LAYOUT = 'v1';

/** Placement by place.lua in the given Redis. */
export function createLuaPlacement(
  redis: RedisClient,
  config: PlacementConfig,
  clock: Clock,
  { nowS }: PlacementOptions = {},
): Placement {
  const script = loadScript();
  const state = `${config.statePrefix}:${LAYOUT}:${config.serviceName}`;
  const redisClock = createRemoteClock(clock);
  const rule = {
    cpu_cost: config.gameCpuCores,
    ram_cost: config.gameMemoryBytes,
    scrape_interval_s: config.scrapeIntervalS,
    cpu_window_s: config.cpuWindowS,
    record_ttl_s: config.recordTtlS,
  };

  return {
    async place({ candidates, newestSampleS, requests }, signal) {
      const keys = [state, `${state}:expiry`, ...requests.map(({ gameId }) => `${config.recordPrefix}:${gameId}`)];
      const call = JSON.stringify({
        rule,
        ...(nowS && { now: nowS() }),
        newest: newestSampleS === undefined ? false : toMilliseconds(newestSampleS),
        candidates: candidates.map(toRow),
        requests: requests.map(({ gameId, level, attempt, deadlineMs }) => [
          gameId,
          level,
          attempt,
          redisClock.atLocal(deadlineMs) ?? false,
        ]),
      });
      const answer = parseAnswer(await redis.runScript(script, keys, [call], signal), requests.length);
      redisClock.observe(answer.now);
      return answer.results.map((result) => toResult(result, candidates));
    },
  };
}

/** place.lua lies beside this file, and beside the bundle once built. */
export function loadScript(): Script {
  const source = readFileSync(new URL('./place.lua', import.meta.url), 'utf8');
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

function toRow({ instance, sample }: Candidate) {
  // Quoted here, since Lua's cjson escapes a slash and other services compare the record's text.
  const record = JSON.stringify(instance.id);
  const { cpuCores, memoryBytes } = instance;
  return sample
    ? [instance.id, record, cpuCores, memoryBytes, toMilliseconds(sample.atS), sample.cpuCores, sample.memoryBytes]
    : [instance.id, record, cpuCores, memoryBytes, false, 0, 0];
}

/** Lua's cjson keeps 14 digits: a sample's time with more of them would come back as an older one, and be folded twice. */
function toMilliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

const Answer = z.object({
  now: z.number(),
  results: z.array(
    z.union([
      z.tuple([z.literal('placed'), z.number()]),
      z.tuple([z.literal('recorded'), z.string(), z.boolean()]),
      z.tuple([z.enum(['wrong_type', 'no_candidate', 'late'])]),
    ]),
  ),
});
type Answer = z.infer<typeof Answer>;

function parseAnswer(text: string, count: number): Answer {
  try {
    const answer = Answer.parse(JSON.parse(text));
    if (answer.results.length === count) return answer;
    throw new RangeError(`${answer.results.length} results for ${count} requests`);
  } catch (cause) {
    // The script ran, so what it wrote stands.
    throw new UpstreamError('redis', 'invalid_body', { outcome: 'unknown', cause });
  }
}

function toResult(result: Answer['results'][number], candidates: readonly Candidate[]): PlacementResult {
  switch (result[0]) {
    case 'placed': {
      const chosen = candidates[result[1] - 1];
      if (chosen === undefined) throw new UpstreamError('redis', 'invalid_body', { outcome: 'unknown' });
      return { kind: 'placed', instanceId: chosen.instance.id };
    }
    case 'recorded': {
      const instanceId = readRecord(result[1]);
      if (instanceId === undefined) return { kind: 'foreign_record' };
      return { kind: 'recorded', instanceId, sameAttempt: result[2] };
    }
    case 'wrong_type':
      return { kind: 'foreign_record' };
    case 'no_candidate':
    case 'late':
      return { kind: result[0] };
  }
}

/** The instance id in a record, or undefined where the record's text is not a JSON string that can be one. */
function readRecord(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' && isInstanceId(value) ? value : undefined;
  } catch {
    return undefined; // not JSON: somebody else's
  }
}
