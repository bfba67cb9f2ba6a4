import type { Candidate, Placement, PlacementRequest, PlacementResult } from '../../../lib/app/placement.ts';
import { createCandidateWalk } from '../../../lib/domain/candidate-walk.ts';
import type { Instance } from '../../../lib/domain/fleet.ts';
import { NO_DEADLINE, T0 } from '../../support/placement.ts';
import type { View } from '../allocators.ts';
import type { Policy, Surroundings } from './policy.ts';

/** The most that one call releases, as in POST /batch. */
const RELEASED_AT_ONCE = 64;

export interface ProductOptions {
  readonly hints: boolean;
  readonly endReports: boolean;
}

/** The placement of a run, in its own Redis. */
export interface PlacementUnderTest {
  readonly placement: Placement;
  /** What the script takes for now, seconds since 1970. */
  setNowS(nowS: number): void;
  empty(): Promise<void>;
}

interface Memory {
  readonly life: number;
  readonly walk: ReturnType<typeof createCandidateWalk>;
}

interface Fetched {
  readonly view: View;
  readonly candidates: readonly Candidate[];
  readonly newestSampleS: number | undefined;
}

/** This project's rule: the real script, called as the allocators call it, a game at a time. */
export function createProduct(
  surroundings: Surroundings,
  { placement, setNowS, empty }: PlacementUnderTest,
  { hints, endReports }: ProductOptions,
): Policy {
  const { allocators, random, start, world } = surroundings;
  const { games } = world;
  const instances = world.sizes.map(
    (size, i): Instance => ({ id: `10.0.${i >> 8}.${i & 255}`, status: 'eligible', tags: [], meta: {}, ...size }),
  );
  const numberOf = new Map(instances.map(({ id }, i) => [id, i]));
  const memories: Memory[] = [];
  const fetched: Fetched[] = [];
  const { signal } = new AbortController();

  /** What an allocator keeps between calls: its walk through the candidates, for its life. */
  function memoryOf(allocator: number): Memory {
    const life = allocators.life(allocator);
    const known = memories[allocator];
    if (known?.life === life) return known;
    const memory = { life, walk: createCandidateWalk(random.uniform) };
    memories[allocator] = memory;
    return memory;
  }

  function fetchOf(allocator: number, tick: number): Fetched {
    const view = allocators.view(allocator, tick);
    const known = fetched[allocator];
    if (known?.view === view) return known;
    const fetch = { view, candidates: candidatesOf(view, instances), newestSampleS: newestOf(view) };
    fetched[allocator] = fetch;
    return fetch;
  }

  function requestOf(game: number): PlacementRequest {
    const own: PlacementRequest = {
      op: 'assign',
      gameId: `g${game}`,
      level: games.high[game] === 1 ? 'high' : 'low',
      attempt: `a${game}`,
      deadlineMs: NO_DEADLINE,
    };
    if (!hints) return own;
    const expected = { cpuCores: games.hintedCpu[game]!, memoryBytes: games.hintedRam[game]!, exact: false };
    return { ...own, expected };
  }

  /** Sent without waiting for the ones before: Redis carries them out in this order, one after another. */
  function ask(game: number, tick: number) {
    const allocator = allocators.at(games.door[game]!);
    const { candidates, newestSampleS } = fetchOf(allocator, tick);
    const some = memoryOf(allocator).walk(candidates, 1);
    return placement.place({ candidates: some, newestSampleS, requests: [requestOf(game)] }, signal);
  }

  return {
    async place(tick, first, end) {
      setNowS(T0 + tick);
      const asked = [];
      for (let game = first; game < end; game += 1) asked.push(ask(game, tick));
      const answers = await Promise.all(asked);
      for (const [index, { results }] of answers.entries()) {
        start(first + index, numberOf.get(placedOn(results))!);
      }
    },
    async ended(tick, over) {
      if (!endReports) return;
      setNowS(T0 + tick);
      const requests = over.map((game) => ({ op: 'release' as const, gameId: `g${game}`, deadlineMs: NO_DEADLINE }));
      for (let at = 0; at < requests.length; at += RELEASED_AT_ONCE) {
        const some = requests.slice(at, at + RELEASED_AT_ONCE);
        await placement.place({ candidates: [], newestSampleS: undefined, requests: some }, signal);
      }
    },
    emptied: empty,
  };
}

function candidatesOf({ listed, load }: View, instances: readonly Instance[]): readonly Candidate[] {
  return listed.map((i) => ({
    instance: instances[i]!,
    sample: load.sampled[i]
      ? { atS: T0 + load.at[i]!, cpuCores: Math.max(0, load.cpu[i]!), memoryBytes: Math.max(0, load.ram[i]!) }
      : undefined,
  }));
}

/** Of the whole fetch, whatever of it is passed on. */
function newestOf({ load }: View): number | undefined {
  const times = load.at.filter((_, i) => load.sampled[i]);
  return times.length === 0 ? undefined : T0 + Math.max(...times);
}

function placedOn(results: readonly PlacementResult[]): string {
  const [result] = results;
  if (result?.kind !== 'placed') throw new Error(`a game was not placed: ${JSON.stringify(result)}`);
  return result.instanceId;
}
