import * as z from 'zod/mini';
import {
  type Candidate,
  type CandidateExplanation,
  type Decision,
  type PlacementResult,
  RECENT_BUCKET_S,
  RECENT_BUCKETS,
} from '../app/placement.ts';
import { UpstreamError } from '../app/upstream-error.ts';
import type { Instance } from '../domain/fleet.ts';
import { isInstanceId } from '../domain/ids.ts';

const Explained = z.object({
  state: z.enum(['sampled', 'dark', 'full', 'not_selected']),
  score: z.number(),
  cpu: z.number(),
  ram: z.number(),
  cpu_now: z.number(),
  ram_now: z.number(),
  cpu_pending: z.number(),
  ram_pending: z.number(),
  games: z.number(),
  sampled_at: z.union([z.number(), z.literal(false)]),
  recent: z.optional(z.string()),
});

const Told = z.object({
  request: z.number(),
  moves: z.boolean(),
  why: z.optional(z.enum(['no_candidate', 'no_capacity', 'too_many_games'])),
  winner: z.optional(z.number()),
  runner_up: z.optional(z.number()),
  scores: z.string(),
  fleet: z.string(),
  whole: z.string(),
  candidates: z.array(z.number()),
  states: z.array(z.number()),
});

/** Redis keeps no key for longer, ms. */
const MOST_MS = Number.MAX_SAFE_INTEGER;

const Answer = z.object({
  now: z.number(),
  results: z.array(
    z.union([
      z.tuple([z.literal('placed'), z.number(), z.boolean()]),
      z.tuple([z.literal('recorded'), z.string(), z.boolean(), z.boolean()]),
      z.tuple([z.literal('chosen'), z.number()]),
      z.tuple([
        z.literal('found'),
        z.string(),
        z.union([z.number().check(z.minimum(0), z.maximum(MOST_MS)), z.literal(false)]),
      ]),
      z.tuple([z.literal('kept'), z.string()]),
      z.tuple([
        z.enum([
          'wrong_type',
          'not_found',
          'released',
          'unknown',
          'no_candidate',
          'no_capacity',
          'too_many_games',
          'late',
        ]),
      ]),
    ]),
  ),
  marked: z.optional(z.array(z.string())),
  explained: z.optional(z.array(Explained)),
  cost: z.optional(z.tuple([z.number(), z.number()])),
  decisions: z.optional(z.array(Told)),
  states: z.optional(z.array(z.string())),
});
/** What place.lua answers. */
export type Answer = z.infer<typeof Answer>;
type Result = Answer['results'][number];

/** Throws UpstreamError where `text` is no answer to `count` requests. */
export function parseAnswer(text: string, count: number): Answer {
  try {
    const answer = Answer.parse(JSON.parse(text));
    if (answer.results.length === count) return answer;
    throw new RangeError(`${answer.results.length} results for ${count} requests`);
  } catch (cause) {
    throw notAnAnswer(cause);
  }
}

export function toPlacementResult(result: Result, candidates: readonly Candidate[]): PlacementResult {
  switch (result[0]) {
    case 'placed':
      return { kind: 'placed', instanceId: instanceOf(candidates, result[1]).id, reassigned: result[2] };
    case 'chosen':
      return { kind: 'chosen', instance: instanceOf(candidates, result[1]) };
    case 'recorded': {
      const instanceId = readRecord(result[1]);
      if (instanceId === undefined) return { kind: 'foreign_record' };
      return { kind: 'recorded', instanceId, sameAttempt: result[2], reassigned: result[3] };
    }
    case 'found': {
      const instanceId = readRecord(result[1]);
      if (instanceId === undefined) return { kind: 'foreign_record' };
      const leftMs = result[2];
      return { kind: 'found', instanceId, ...(leftMs !== false && { expiresInS: Math.ceil(leftMs / 1000) }) };
    }
    case 'kept':
      return { kind: readRecord(result[1]) === undefined ? 'foreign_record' : 'unknown' };
    case 'wrong_type':
      return { kind: 'foreign_record' };
    default:
      return { kind: result[0] };
  }
}

/** @param number from 1, as Lua counts */
function instanceOf(candidates: readonly Candidate[], number: number): Instance {
  const chosen = candidates[number - 1];
  if (chosen === undefined) throw notAnAnswer();
  return chosen.instance;
}

export function toExplanations(
  { explained = [], now }: Answer,
  candidates: readonly Candidate[],
): readonly CandidateExplanation[] {
  if (explained.length > candidates.length) throw notAnAnswer();
  const newest = bucketAt(now);
  return explained.map(({ cpu_now, ram_now, cpu_pending, ram_pending, sampled_at, recent, ...figures }, index) => ({
    ...figures,
    instanceId: candidates[index]?.instance.id ?? '',
    cpuNow: cpu_now,
    ramNow: ram_now,
    cpuPending: cpu_pending,
    ramPending: ram_pending,
    ...(sampled_at !== false && { sampleAgeS: now - sampled_at }),
    recent: toRecent(recent, newest),
  }));
}

/** Start of the newest of the times of which recent games are told, s. */
export function recentAtS({ now }: Answer): number {
  return bucketAt(now) * RECENT_BUCKET_S;
}

function bucketAt(nowS: number): number {
  return Math.floor(nowS / RECENT_BUCKET_S);
}

/** @param text as place.lua keeps it, of when a game was last placed there: `<bucket>:<games>,<games before>,...` */
function toRecent(text: string | undefined, newest: number): readonly number[] {
  const [bucket = '', counts = ''] = text?.split(':') ?? [];
  // Counted by a clock that was ahead, they are of now.
  const passed = text === undefined ? RECENT_BUCKETS : Math.max(0, newest - Number(bucket));
  const known = counts.split(',').map(Number);
  return Array.from({ length: RECENT_BUCKETS }, (_, index) => known[index - passed] ?? 0);
}

/** How the requests that were to be told were decided; undefined where there is none. */
export function toDecisions({ now, decisions, states = [] }: Answer): readonly Decision[] | undefined {
  return decisions?.map(({ request, moves, why, winner, runner_up, scores, fleet, whole, candidates, states: of }) => ({
    request: request - 1,
    atMs: Math.round(now * 1000),
    moves,
    ...(why !== undefined && { refusal: why }),
    ...(winner !== undefined && { winner: winner - 1 }),
    ...(runner_up !== undefined && { runnerUp: runner_up - 1 }),
    scores,
    service: fleet,
    whole,
    candidates: candidates.map((number, index) => ({
      position: number - 1,
      state: states[(of[index] ?? 0) - 1] ?? '',
    })),
  }));
}

/** The script ran, so what it wrote stands. */
function notAnAnswer(cause?: unknown): UpstreamError {
  return new UpstreamError('redis', 'invalid_body', { outcome: 'unknown', cause });
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
