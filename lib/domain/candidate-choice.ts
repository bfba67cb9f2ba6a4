import { createCandidateWalk, createPartWalk } from './candidate-walk.ts';
import type { Instance } from './fleet.ts';
import { matcherOf, type Selector } from './selector.ts';

/** Instances that one call looks at, at the most. */
const MOST = 5000;

/** Which instances a request may have, and which of those it would rather have. */
export interface Selectors {
  readonly require?: Selector;
  readonly prefer?: Selector;
}

export interface CandidateChoice {
  /** What the call looks at. */
  readonly instances: readonly Instance[];
  /** What each request may have of it, in the requests' order; requests with equal selectors share one. */
  readonly requests: readonly RequestChoice[];
}

export interface RequestChoice {
  /** Positions in `instances`: the preferred ones, then the others; none is empty. Absent: all, with no preference. */
  readonly tiers?: readonly (readonly number[])[];
  /** There are others that it may have. */
  readonly partial: boolean;
  /** There are instances, and it may have none of them. */
  readonly unmatched: boolean;
}

export interface CandidateChooser {
  /** As many of `eligible` as are enough to choose well from. */
  some(eligible: readonly Instance[], requests: readonly Selectors[]): CandidateChoice;
  /** All that the requests may have: for those to which some had to say no. */
  all(eligible: readonly Instance[], requests: readonly Selectors[]): CandidateChoice;
}

/** @param random uniform in [0, 1) */
export function createCandidateChooser(random: () => number): CandidateChooser {
  const walk = createCandidateWalk(random);
  const walkParts = createPartWalk(random);
  return {
    some(eligible, requests) {
      if (!requests.some(isSelective)) return unselected(walk(eligible, requests.length), eligible, requests);
      const groups = groupBySelectors(eligible, requests);
      const parts = groups.flatMap((group) =>
        group.parts.map((members) => ({ members, requests: group.requests.length })),
      );
      const taken = [...walkParts(eligible.length, parts)];
      return selected(
        eligible,
        requests.length,
        groups.map((group) => ({ ...group, taken: taken.splice(0, group.parts.length) })),
      );
    },
    all(eligible, requests) {
      // A fleet that is larger still is looked at from another place each time.
      const start = eligible.length <= MOST ? 0 : Math.floor(random() * eligible.length);
      const list = [...eligible.slice(start), ...eligible.slice(0, start)];
      return selected(
        list,
        requests.length,
        groupBySelectors(list, requests).map((group) => ({ ...group, taken: group.parts })),
      );
    },
  };
}

function isSelective({ require, prefer }: Selectors): boolean {
  return require !== undefined || prefer !== undefined;
}

function unselected(
  instances: readonly Instance[],
  eligible: readonly Instance[],
  requests: readonly Selectors[],
): CandidateChoice {
  const choice = { partial: instances.length < eligible.length, unmatched: false };
  return { instances, requests: requests.map(() => choice) };
}

/** Positions in the list of eligible instances: the preferred ones, then the others; no part is empty. */
type Parts = readonly (readonly number[])[];

/** Requests of a call with equal selectors. */
interface Group {
  readonly selective: boolean;
  /** The requests, by their positions in the call. */
  readonly requests: readonly number[];
  /** What they may have. */
  readonly parts: Parts;
}

function groupBySelectors(list: readonly Instance[], requests: readonly Selectors[]): readonly Group[] {
  const groups = new Map<string, Group & { readonly requests: number[] }>();
  for (const [index, request] of requests.entries()) {
    const { require = [], prefer = [] } = request;
    const key = JSON.stringify([require, prefer]);
    const group = groups.get(key);
    if (group) group.requests.push(index);
    else groups.set(key, { selective: isSelective(request), requests: [index], parts: partsOf(list, require, prefer) });
  }
  return [...groups.values()];
}

function partsOf(list: readonly Instance[], require: Selector, prefer: Selector): Parts {
  const isFit = matcherOf(require);
  const isPreferred = matcherOf(prefer);
  const preferred: number[] = [];
  const others: number[] = [];
  list.forEach((instance, position) => {
    if (isFit(instance)) (isPreferred(instance) ? preferred : others).push(position);
  });
  return [preferred, others].filter((part) => part.length > 0);
}

/** A call that looks at what was `taken` of each group's parts. */
function selected(
  list: readonly Instance[],
  requests: number,
  groups: readonly (Group & { readonly taken: Parts })[],
): CandidateChoice {
  const instances: Instance[] = [];
  /** Where in the call an instance of the list is. */
  const places = new Map<number, number>();
  function placeOf(position: number): number | undefined {
    const instance = list[position];
    if (places.has(position) || instance === undefined || instances.length >= MOST) return places.get(position);
    places.set(position, instances.length);
    return instances.push(instance) - 1;
  }
  const withTiers = groups.map((group) => {
    const tiers = group.taken.map((part) => part.map(placeOf).filter((place) => place !== undefined));
    return { ...group, tiers: tiers.filter((tier) => tier.length > 0) };
  });

  const choices = new Array<RequestChoice>(requests);
  for (const group of withTiers) {
    const isWhole = group.tiers[0]?.length === instances.length;
    const choice = {
      // Who selects nothing may have whatever is looked at for the others, too.
      ...(group.selective && !isWhole && { tiers: group.tiers }),
      partial: group.selective ? countOf(group.tiers) < countOf(group.parts) : instances.length < list.length,
      unmatched: group.parts.length === 0 && list.length > 0,
    };
    for (const index of group.requests) choices[index] = choice;
  }
  return { instances, requests: choices };
}

function countOf(parts: Parts): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}
