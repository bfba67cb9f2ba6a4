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
    const wanted = Math.min(all.length, Math.max(AT_LEAST, PER_REQUEST * requests));
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

function shuffled(length: number, random: () => number): number[] {
  const order = Array.from({ length }, (_, index) => index);
  for (let i = length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
  }
  return order;
}
