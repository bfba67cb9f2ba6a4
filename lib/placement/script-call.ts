import type { Candidate, ExpectedUse, PlacementCall, PlacementRequest } from '../app/placement.ts';
import type { Sample } from '../domain/fleet.ts';
import type { RemoteClock } from './remote-clock.ts';

/** What the JSON argument of place.lua is made of, for one call; the script's head has its shape. */
export interface CallParts {
  readonly rule: object;
  /** Stands in for Redis's clock, s. */
  readonly nowS: number | undefined;
  readonly redisClock: RemoteClock;
}

/** Far above any machine and still a number when many are added up: Lua's cjson writes no infinity. */
const MOST_CORES = 1e6;
const MOST_BYTES = 1e18;
const MOST_SECONDS = 1e12;

export interface CallOptions {
  /** Adds figures of every candidate. */
  readonly explain?: boolean;
  /** What a decision that is made again saw of all of its candidates, of which the call may have only some. */
  readonly asOf?: object;
  /** Nothing is written. */
  readonly dryRun?: boolean;
}

export function encodePlacement(call: PlacementCall, options: CallOptions, parts: CallParts): string {
  const { presence, tell } = call;
  // Requests with equal selectors share one list of tiers, and it is sent once: it may name thousands of candidates.
  const tiers = [...new Set(call.requests.map(tiersOf))].filter((list) => list !== undefined);
  // Before the first answer nobody knows what Redis's clock shows, so the view's age is not known either.
  const atS = presence && parts.redisClock.atLocal(presence.atMs);
  return JSON.stringify({
    rule: parts.rule,
    ...(parts.nowS !== undefined && { now: parts.nowS }),
    newest: isUsableNumber(call.newestSampleS) ? toMilliseconds(call.newestSampleS) : false,
    candidates: call.candidates.map(toRow),
    requests: call.requests.map((request, position) => ({
      ...toRequest(request, tiers, parts),
      ...(tell?.includes(position) && { tell: position + 1 }),
    })),
    // Lua counts from 1.
    tiers: tiers.map((list) => list.map((tier) => tier.map((position) => position + 1))),
    view: presence && atS !== undefined ? { at: atS, gone: presence.gone, back: presence.back } : false,
    ...(options.explain && { explain: true }),
    ...(options.dryRun && { dry_run: true }),
    ...(options.asOf && { as_of: options.asOf }),
  });
}

function tiersOf(request: PlacementCall['requests'][number]): PlacementRequest['tiers'] {
  return request.op === 'assign' ? request.tiers : undefined;
}

function toRequest(request: PlacementCall['requests'][number], tiers: readonly unknown[], { redisClock }: CallParts) {
  const not_after = redisClock.atLocal(request.deadlineMs);
  switch (request.op) {
    case 'assign':
      return {
        op: 'assign',
        game: request.gameId,
        level: request.level,
        attempt: request.attempt,
        not_after,
        expected: request.expected && toExpected(request.expected),
        strategy: request.strategy,
        tiers: request.tiers && tiers.indexOf(request.tiers) + 1,
      };
    case 'choose':
      return { op: 'choose', level: request.level, not_after };
    default:
      return { op: request.op, game: request.gameId, not_after };
  }
}

function toExpected({ cpuCores, memoryBytes, exact }: ExpectedUse) {
  if (cpuCores === undefined && memoryBytes === undefined) return undefined;
  return [cpuCores ?? false, memoryBytes ?? false, exact];
}

function toRow({ instance, sample }: Candidate) {
  // Quoted here, since Lua's cjson escapes a slash and other services compare the record's text.
  const record = JSON.stringify(instance.id);
  const cores = within(instance.cpuCores, 1e-3, MOST_CORES);
  const bytes = within(instance.memoryBytes, 1, MOST_BYTES);
  const row = [instance.id, record, cores, bytes];
  const most = instance.maxGames ?? false;
  if (!isUsable(sample)) return [...row, false, 0, 0, most];
  const used = [within(sample.cpuCores, 0, MOST_CORES), within(sample.memoryBytes, 0, MOST_BYTES)];
  return [...row, toMilliseconds(sample.atS), ...used, most];
}

/** A sample that is no finite, non-negative number is none: the instance is unknown and not idle. */
function isUsable(sample: Sample | undefined): sample is Sample {
  return sample !== undefined && [sample.atS, sample.cpuCores, sample.memoryBytes].every(isUsableNumber);
}

function isUsableNumber(value: number | undefined): value is number {
  return value !== undefined && value >= 0 && value < Number.POSITIVE_INFINITY;
}

function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value || 0));
}

/** Lua's cjson keeps 14 digits: a sample's time with more of them would come back as an older one, and be folded twice. */
function toMilliseconds(seconds: number): number {
  return Math.round(Math.min(seconds, MOST_SECONDS) * 1000) / 1000;
}
