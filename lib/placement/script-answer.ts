import * as z from 'zod/mini';
import type { Candidate, CandidateExplanation, PlacementResult } from '../app/placement.ts';
import { UpstreamError } from '../app/upstream-error.ts';
import type { Instance } from '../domain/fleet.ts';
import { isInstanceId } from '../domain/ids.ts';

const Explained = z.object({
  state: z.enum(['sampled', 'dark', 'full', 'not_selected']),
  score: z.number(),
  cpu: z.number(),
  ram: z.number(),
  cpu_pending: z.number(),
  ram_pending: z.number(),
  games: z.number(),
  sampled_at: z.union([z.number(), z.literal(false)]),
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
  return explained.map(({ cpu_pending, ram_pending, sampled_at, ...figures }, index) => ({
    ...figures,
    instanceId: candidates[index]?.instance.id ?? '',
    cpuPending: cpu_pending,
    ramPending: ram_pending,
    ...(sampled_at !== false && { sampleAgeS: now - sampled_at }),
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
