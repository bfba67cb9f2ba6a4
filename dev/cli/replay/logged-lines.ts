import * as z from 'zod/mini';

const Id = z.string();

/** As lib/app/decision-lines.ts writes them: what is needed to decide again. */
const Snapshot = z.object({
  kind: z.literal('fleet_snapshot'),
  snapshot: z.string(),
  newest_sample_s: z.exactOptional(z.number()),
  rule: z.object({
    cost: z.tuple([z.number(), z.number()]),
    high_cost: z.tuple([z.number(), z.number()]),
    scrape_interval_s: z.number(),
    cpu_window_s: z.number(),
    record_ttl_s: z.number(),
    lease_ttl_s: z.number(),
    most_games: z.union([z.number(), z.literal(false)]),
    grace_s: z.number(),
    strategy: z.enum(['spread', 'pack']),
    pack_ceiling: z.number(),
  }),
  instances: z.array(
    z.object({
      id: Id,
      cpu_cores: z.number(),
      memory_bytes: z.number(),
      max_games: z.exactOptional(z.number()),
      sample: z.exactOptional(z.tuple([z.number(), z.number(), z.number()])),
    }),
  ),
});
export type LoggedSnapshot = z.infer<typeof Snapshot>;

const Field = z.union([z.number(), z.literal(false)]);

const Decision = z.object({
  kind: z.literal('decision'),
  snapshot: z.string(),
  at_ms: z.number(),
  game_id: z.string(),
  level: z.enum(['low', 'high']),
  expected: z.exactOptional(
    z.object({
      cpu_cores: z.exactOptional(z.number()),
      memory_bytes: z.exactOptional(z.number()),
      exact: z.boolean(),
    }),
  ),
  strategy: z.exactOptional(z.enum(['spread', 'pack'])),
  moved: z.exactOptional(z.literal(true)),
  outcome: z.enum(['placed', 'no_candidate', 'no_capacity', 'too_many_games']),
  winner: z.exactOptional(Id),
  winner_score: z.exactOptional(z.number()),
  runner_up: z.exactOptional(Id),
  runner_up_score: z.exactOptional(z.number()),
  averages: z.array(Field),
  whole: z.tuple([z.number(), z.number(), z.number(), Field, Field]),
  candidates: z.array(z.object({ id: Id, state: z.array(Field) })),
  tiers: z.exactOptional(z.array(z.array(z.number()))),
});
export type LoggedDecision = z.infer<typeof Decision>;

const Line = z.union([Snapshot, Decision]);

/**
 * The line of the decision log in a line of text: as it was written, behind what `docker logs` or `aws logs tail` put
 * before it, or as a text inside JSON or CSV, as CloudWatch exports it. Undefined where there is none, `unreadable`
 * where it is not whole.
 */
export function readLoggedLine(text: string): LoggedSnapshot | LoggedDecision | 'unreadable' | undefined {
  const json = findJson(text);
  if (json === undefined) return undefined;
  try {
    const line = Line.safeParse(JSON.parse(json));
    return line.success ? line.data : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

const KINDS = '(?:fleet_snapshot|decision)';
const PLAIN = new RegExp(`\\{"kind":"${KINDS}"`);
const IN_JSON = new RegExp(`\\{\\\\"kind\\\\":\\\\"${KINDS}\\\\"(?:[^"\\\\]|\\\\.)*`);
const IN_CSV = new RegExp(`\\{""kind"":""${KINDS}"".*\\}`);

function findJson(text: string): string | undefined {
  const at = text.search(PLAIN);
  if (at >= 0) return text.slice(at, text.lastIndexOf('}') + 1);
  // Most lines of a log are of something else.
  if (!text.includes('kind')) return undefined;
  const inJson = IN_JSON.exec(text)?.[0];
  if (inJson !== undefined) return unquoted(inJson);
  return IN_CSV.exec(text)?.[0].replaceAll('""', '"');
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}
