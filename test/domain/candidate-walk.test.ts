import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ALL_UP_TO, assignmentLooksAt, createCandidateWalk, createPartWalk } from '../../lib/domain/candidate-walk.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

it.each([0, 1, 63, 64])('passes a fleet of %i whole and in order', (count) => {
  const walk = createCandidateWalk(() => 0.5);

  expect(walk(numbers(count), 1)).toEqual(numbers(count));
});

it.each([
  [65, 1, 32],
  [65, 8, 32],
  [300, 9, 36],
  [300, 64, 256],
  [3000, 64, 256],
  [200, 64, 200],
  [65, 64, 65],
])('of %i instances for %i requests passes %i', (count, requests, passed) => {
  const walk = createCandidateWalk(Math.random);

  const candidates = walk(numbers(count), requests);

  expect(candidates.length).toBe(passed);
  expect(new Set(candidates).size).toBe(passed);
});

it('lets every instance come up once in one walk through the fleet', () => {
  const walk = createCandidateWalk(Math.random);
  const all = numbers(320);

  const seen = numbers(10).flatMap(() => walk(all, 1));

  expect(seen.toSorted((a, b) => a - b)).toEqual(all);
});

it('does not begin the walk in the order of the list', () => {
  const walk = createCandidateWalk(() => 0.5);

  expect(walk(numbers(100), 1)).not.toEqual(numbers(32));
});

it('chooses each instance about equally often with a fleet that keeps changing its size', () => {
  const walk = createCandidateWalk(Math.random);
  const counts = new Array<number>(101).fill(0);

  for (let call = 0; call < 2000; call += 1) {
    for (const chosen of walk(numbers(100 + (call % 2)), 1)) counts[chosen]! += 1;
  }

  // 640 on average, with a standard deviation of 21; the 101st is there every other time.
  expect(Math.min(...counts.slice(0, 100))).toBeGreaterThan(500);
  expect(Math.max(...counts)).toBeLessThan(780);
});

it('never passes an instance twice, nor one that is not there, whatever the fleet does between calls', () => {
  const calls = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 64 })), { maxLength: 8 });
  fc.assert(
    fc.property(calls, fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1 }), (fleets, draws) => {
      let drawn = 0;
      const walk = createCandidateWalk(() => draws[drawn++ % draws.length] ?? 0);
      for (const [count, requests] of fleets) {
        const passed = walk(numbers(count), requests);
        expect(new Set(passed).size).toBe(passed.length);
        expect(passed.every((candidate) => candidate < count)).toBe(true);
        expect(passed.length).toBe(count <= ALL_UP_TO ? count : Math.min(count, Math.max(32, 4 * requests)));
      }
    }),
    { numRuns: 50 },
  );
});

const every = (step: number, count: number) => numbers(count).filter((number) => number % step === 0);

it('walks parts of a list as a list of their own: all up to 64, else 32 or 4 for each request', () => {
  const walk = createPartWalk(Math.random);
  const parts = [
    { members: every(50, 3000), requests: 1 },
    { members: every(3, 3000), requests: 1 },
    { members: every(2, 3000), requests: 20 },
    { members: [], requests: 3 },
  ];

  const taken = walk(3000, parts);

  expect(taken.map(({ length }) => length)).toEqual([60, 32, 80, 0]);
  expect(taken[0]).toEqual(parts[0]?.members);
  for (const [index, chosen] of taken.entries()) {
    expect(new Set(chosen).size).toBe(chosen.length);
    expect(chosen.every((position) => parts[index]!.members.includes(position))).toBe(true);
  }
});

it('lets every member of every part come up, whatever parts it is walked with', () => {
  const walk = createPartWalk(Math.random);
  const parts = [
    { members: every(4, 400), requests: 1 },
    { members: every(1, 400), requests: 2 },
    { members: every(3, 400), requests: 1 },
  ];
  const seen = parts.map(() => new Set<number>());

  // The second part walks 32 of 400 a call, and no part more than that.
  for (let call = 0; call < Math.ceil(400 / 32); call += 1) {
    for (const [index, chosen] of walk(400, parts).entries()) for (const one of chosen) seen[index]!.add(one);
  }

  expect(seen.map(({ size }) => size)).toEqual([100, 400, 134]);
});

it('walks one part as it walks a whole list', () => {
  const walk = createPartWalk(Math.random);
  const members = every(2, 640);

  const seen = numbers(10).flatMap(() => walk(640, [{ members, requests: 1 }])[0]!);

  expect(seen.toSorted((a, b) => a - b)).toEqual(members);
});

it('looks at the same instances for parts that overlap', () => {
  const all = { members: numbers(1000), requests: 1 };

  const [one, other] = createPartWalk(Math.random)(1000, [all, { ...all, requests: 10 }]);

  expect(other!.slice(0, 32)).toEqual(one);
});

it('begins the walk of a part in no fixed order', () => {
  const walk = createPartWalk(() => 0.5);

  expect(walk(100, [{ members: numbers(100), requests: 1 }])[0]).not.toEqual(numbers(32));
});

it('chooses from a part of a list that keeps changing its size', () => {
  const walk = createPartWalk(Math.random);

  for (const length of [2000, 70, 0, 70, 1, 500, 65]) {
    const [taken = []] = walk(length, [{ members: numbers(length), requests: 1 }]);
    expect(new Set(taken).size).toBe(length <= 64 ? length : 32);
    expect(taken.every((position) => position < length)).toBe(true);
  }
});

it.each([
  [0, 0],
  [64, 64],
  [65, 32],
  [3000, 32],
])('tells that an assignment among %i looks at %i', (count, looksAt) => {
  expect(assignmentLooksAt(count)).toBe(looksAt);
});

it('shuffles from the last to the first, each draw among those that have no place yet', () => {
  // Each draw is the highest that there is: nobody changes places.
  const first = createCandidateWalk(() => 1 - Number.EPSILON)(numbers(65), 1);
  // Each draw is the lowest: each in turn, from the last on, goes to where the first was.
  const turned = createCandidateWalk(() => 0)(numbers(65), 1);

  expect(first).toEqual(numbers(32));
  expect(turned).toEqual(numbers(32).map((number) => number + 1));
});
