import type {
  Candidate,
  Placement,
  PlacementCall,
  PlacementRequest,
  PlacementResult,
} from '../../../lib/app/placement.ts';
import type { PlacementConfig } from '../../../lib/placement/lua-placement.ts';

/**
 * A short history of one service, and what the rule answers in it. Plain data, played on any Placement whose clock can
 * be set: the script in a local Redis, a mutant of it, or the one that a deployment is configured with.
 */
export interface GoldenDecision {
  /** What it pins, as a sentence. */
  readonly rule: string;
  readonly config?: Partial<GoldenConfig>;
  readonly steps: readonly GoldenStep[];
}

/** The keys belong to whoever plays it. */
export type GoldenConfig = Omit<PlacementConfig, 'serviceName' | 'recordPrefix' | 'statePrefix'>;

/** What is asked in one call. Times are in seconds after GOLDEN_T0, of which no two steps go back. */
export interface GoldenStep {
  readonly second: number;
  readonly fleet: readonly Candidate[];
  readonly asked: readonly GoldenRequest[];
  /** Time of the newest sample in the answer that the fleet's samples come from; absent: that of the fleet. */
  readonly newest?: number;
  readonly presence?: { readonly second: number; readonly gone?: readonly string[]; readonly back?: readonly string[] };
}

export interface GoldenRequest extends Partial<Omit<PlacementRequest, 'op' | 'tiers' | 'deadlineMs'>> {
  /** Absent: assign. */
  readonly op?: PlacementCall['requests'][number]['op'];
  /** As `outcomeOf` puts it. */
  readonly outcome: string;
  /** Ids, in groups; absent: the whole fleet. */
  readonly tiers?: readonly (readonly string[])[];
  readonly deadline?: number;
}

/** A time of no meaning, seconds since 1970. */
export const GOLDEN_T0 = 1_760_000_000;
export const GIB = 1024 ** 3;

/**
 * A game uses one core and one GiB, a server has 100 of each: an idle one's load, and its score, read as percent. The
 * rest are the product's defaults.
 */
export const GOLDEN_CONFIG: GoldenConfig = {
  recordTtlS: 70,
  leaseTtlS: 70,
  mostGames: undefined,
  reassignGraceMs: 30_000,
  scrapeIntervalS: 15,
  cpuWindowS: 25,
  gameCost: { low: { cpuCores: 1, memoryBytes: GIB }, high: { cpuCores: 1, memoryBytes: GIB } },
  strategy: 'spread',
  packCeiling: 0.75,
};

// To write one ------------------------------------------------------------------------------------------------------

/** A server as a view lists it; `load` as [second of the sample, cores, GiB], absent: it has no sample. */
export function server(
  id: string,
  load?: readonly [second: number, cores: number, gib: number],
  { cores = 100, gib = 100, maxGames }: { cores?: number; gib?: number; maxGames?: number } = {},
): Candidate {
  const size = { cpuCores: cores, memoryBytes: gib * GIB, ...(maxGames !== undefined && { maxGames }) };
  return {
    instance: { id, status: 'eligible', tags: [], meta: {}, ...size },
    sample: load && { atS: GOLDEN_T0 + load[0], cpuCores: load[1], memoryBytes: load[2] * GIB },
  };
}

export function at(
  second: number,
  fleet: readonly Candidate[],
  asked: readonly GoldenRequest[],
  more: Pick<GoldenStep, 'newest' | 'presence'> = {},
): GoldenStep {
  return { second, fleet, asked, ...more };
}

/** Games asked for one after another, by where each goes: `'a b a'`. */
export function games(outcomes: string, more: Omit<GoldenRequest, 'outcome'> = {}): GoldenRequest[] {
  return outcomes.split(' ').map((outcome) => ({ outcome, ...more }));
}

/** One game, where there is more to say than its server. */
export function game(outcome: string, more: Omit<GoldenRequest, 'outcome'>): GoldenRequest {
  return { outcome, ...more };
}

/** So many games, all to one server. */
export function times(count: number, id: string, more: Omit<GoldenRequest, 'outcome'> = {}): GoldenRequest[] {
  return Array.from({ length: count }, () => ({ outcome: id, ...more }));
}

/** Games that end, by their ids, and what comes of that. */
export function release(second: number, releases: Readonly<Record<string, string>>): GoldenStep {
  return at(
    second,
    [],
    Object.entries(releases).map(([gameId, outcome]) => game(outcome, { op: 'release', gameId })),
  );
}

// To play one -------------------------------------------------------------------------------------------------------

/** A placement with keys of its own that takes `nowS` for the time of its Redis, and for its own. */
export type OpenPlacement = (config: GoldenConfig, nowS: () => number) => Placement;

/** Plays it and returns what came out otherwise, a sentence each; nothing where all is as it should be. */
export async function runGolden(
  { config, steps }: GoldenDecision,
  open: OpenPlacement,
  signal: AbortSignal,
): Promise<string[]> {
  let second = 0;
  const placement = open({ ...GOLDEN_CONFIG, ...config }, () => GOLDEN_T0 + second);
  const differences: string[] = [];
  for (const [number, step] of steps.entries()) {
    second = step.second;
    const { results } = await placement.place(toCall(step, number), signal);
    const actual = results.map(outcomeOf);
    for (const [i, { outcome }] of step.asked.entries()) {
      if (actual[i] === outcome) continue;
      differences.push(`at ${second} s, request ${i + 1}: "${actual[i] ?? 'no answer'}" and not "${outcome}"`);
    }
  }
  return differences;
}

/** Long after everything. */
const NO_DEADLINE = Number.MAX_SAFE_INTEGER / 2;

/** The call that a step makes; `number` tells its games from those of other steps. */
export function toCall({ fleet, asked, newest, presence }: GoldenStep, number: number): PlacementCall {
  const ids = fleet.map(({ instance }) => instance.id);
  const sampleTimes = fleet.flatMap(({ sample }) => (sample ? [sample.atS] : []));
  const newestSampleS = newest === undefined ? sampleTimes.toSorted((a, b) => b - a)[0] : GOLDEN_T0 + newest;
  return {
    candidates: fleet,
    newestSampleS,
    requests: asked.map(({ outcome: _, op = 'assign', tiers, deadline, ...request }, i) => {
      const gameId = request.gameId ?? `game-${number}-${i}`;
      const deadlineMs = deadline === undefined ? NO_DEADLINE : (GOLDEN_T0 + deadline) * 1000;
      const { level = 'low' } = request;
      if (op === 'choose') return { op, level, deadlineMs };
      if (op !== 'assign') return { op, gameId, deadlineMs };
      const positions = tiers && { tiers: tiers.map((tier) => tier.map((id) => ids.indexOf(id))) };
      return { op, attempt: `attempt-${number}-${i}`, ...request, gameId, level, deadlineMs, ...positions };
    }),
    ...(presence && {
      presence: { atMs: (GOLDEN_T0 + presence.second) * 1000, gone: presence.gone ?? [], back: presence.back ?? [] },
    }),
  };
}

/** `a`: placed on a; `a, recorded`: it was there already; a kind where there is no server. */
function outcomeOf(result: PlacementResult): string {
  if (result.kind === 'chosen') return `${result.instance.id}, chosen`;
  if (!('instanceId' in result)) return result.kind;
  const remarks = [
    result.kind !== 'placed' && result.kind,
    'sameAttempt' in result && result.sameAttempt && 'same attempt',
    'reassigned' in result && result.reassigned && 'reassigned',
  ];
  return [result.instanceId, ...remarks].filter((remark) => remark !== false).join(', ');
}
