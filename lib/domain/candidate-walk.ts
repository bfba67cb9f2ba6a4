/** Fleets up to this size are passed whole. */
export const ALL_UP_TO = 64;
const AT_LEAST = 32;
const PER_REQUEST = 4;

/**
 * Chooses which instances a placement call looks at. The cost of a call grows with them (3,000: 6 ms of Redis's one
 * thread), and a random part of a large fleet is as good as all of it. Never the best ones by our own view: everybody
 * with the same view would send everything to the same few.
 *
 * Walks through a shuffled list rather than drawing anew, so that every instance comes up, and its samples with it.
 * @param random uniform in [0, 1)
 */
export function createCandidateWalk(random: () => number): <T>(all: readonly T[], requests: number) => readonly T[] {
  let order: number[] = [];
  let next = 0;
  return (all, requests) => {
    if (all.length <= ALL_UP_TO) return all;
    const wanted = wantedOf(all.length, requests);
    if (order.length !== all.length) {
      order = shuffled(all.length, random);
      next = 0;
    }
    const taken = [];
    for (let i = 0; i < wanted; i += 1) {
      const candidate = all[order[next] ?? 0];
      if (candidate !== undefined) taken.push(candidate);
      next = (next + 1) % order.length;
    }
    return taken;
  };
}

/** Some instances of a list, by their positions in it, of which requests may have any. */
export interface Part {
  readonly members: readonly number[];
  readonly requests: number;
}

/**
 * The same for parts of a list, which may overlap: gives what to look at of each part. All parts are walked in one
 * order from one place, so that those which overlap look at the same instances and a call stays small; and the walk
 * goes on by no more than the shortest of their ways, so that no part misses any of its members.
 */
export function createPartWalk(
  random: () => number,
): (length: number, parts: readonly Part[]) => readonly (readonly number[])[] {
  let order: number[] = [];
  let next = 0;
  return (length, parts) => {
    let shortest = length;
    const taken = parts.map(({ members, requests }) => {
      const wanted = wantedOf(members.length, requests);
      if (wanted === members.length) return members;
      if (order.length !== length) {
        order = shuffled(length, random);
        next = 0;
      }
      const isMember = new Uint8Array(length);
      for (const position of members) isMember[position] = 1;
      const chosen: number[] = [];
      let walked = 0;
      for (; walked < length && chosen.length < wanted; walked += 1) {
        const position = order[(next + walked) % length] ?? 0;
        if (isMember[position] === 1) chosen.push(position);
      }
      shortest = Math.min(shortest, walked);
      return chosen;
    });
    if (length > 0) next = (next + shortest) % length;
    return taken;
  };
}

/** How many of `count` instances an assignment looks at that comes alone. */
export function assignmentLooksAt(count: number): number {
  return wantedOf(count, 1);
}

/** How many of `count` instances `requests` requests look at. */
function wantedOf(count: number, requests: number): number {
  return count <= ALL_UP_TO ? count : Math.min(count, Math.max(AT_LEAST, PER_REQUEST * requests));
}

function shuffled(length: number, random: () => number): number[] {
  const order = Array.from({ length }, (_, index) => index);
  for (let i = length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
  }
  return order;
}
