import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type CandidateChoice, createCandidateChooser, type Selectors } from '../../lib/domain/candidate-choice.ts';
import type { Instance } from '../../lib/domain/fleet.ts';
import { matcherOf, toSelector } from '../../lib/domain/selector.ts';
import { instance } from '../support/fakes.ts';

const REGIONS = ['eu', 'us', 'asia'] as const;

/** Instances 0 to `count` - 1, by turns in each region; those of `gpus` have the tag gpu. */
function fleet(count: number, gpus: readonly number[] = []): readonly Instance[] {
  return Array.from({ length: count }, (_, index) =>
    instance(`${index}`, { meta: { region: REGIONS[index % 3]! }, tags: gpus.includes(index) ? ['gpu'] : [] }),
  );
}

const require = (wanted: Record<string, string | true>): Selectors => ({ require: toSelector(wanted)! });
const prefer = (wanted: Record<string, string | true>): Selectors => ({ prefer: toSelector(wanted)! });
const EU = require({ region: 'eu' });
const GPU_PREFERRED = prefer({ gpu: true });

/** What a request may have, by id: group by group. */
function tiersOf({ instances, requests }: CandidateChoice, index = 0): readonly (readonly string[])[] {
  const tiers = requests[index]?.tiers ?? [instances.map((_, position) => position)];
  return tiers.map((tier) => tier.map((position) => instances[position]!.id));
}

it.each([
  [10, 1, 10],
  [300, 9, 36],
])('of %i instances lets %i requests without selectors have any of %i, as the walk gives them', (count, n, looked) => {
  const choice = createCandidateChooser(Math.random).some(
    fleet(count),
    Array.from({ length: n }, () => ({})),
  );

  expect(choice.instances.length).toBe(looked);
  expect(choice.requests).toEqual(Array.from({ length: n }, () => ({ partial: looked < count, unmatched: false })));
});

it('passes a fleet that it looks at whole as it is', () => {
  const all = fleet(64);

  expect(createCandidateChooser(Math.random).some(all, [{}]).instances).toBe(all);
  expect(createCandidateChooser(Math.random).all(all, [{}]).instances).toEqual(all);
});

it('looks at those alone that the requests may have', () => {
  const choice = createCandidateChooser(Math.random).some(fleet(30), [EU]);

  expect(choice.instances.map(({ id }) => Number(id) % 3)).toEqual(Array.from({ length: 10 }, () => 0));
  expect(choice.requests).toEqual([{ partial: false, unmatched: false }]);
});

it('puts the preferred ones before the rest, and finds 3 of 3,000', () => {
  const choice = createCandidateChooser(Math.random).some(fleet(3000, [5, 1500, 2999]), [GPU_PREFERRED]);

  const [first, rest, ...more] = tiersOf(choice);
  expect(first).toEqual(['5', '1500', '2999']);
  expect(rest?.length).toBe(32);
  expect(more).toEqual([]);
});

it('prefers among those that match alone', () => {
  const choice = createCandidateChooser(Math.random).some(fleet(9, [0, 1, 2]), [{ ...EU, ...GPU_PREFERRED }]);

  expect(tiersOf(choice)).toEqual([['0'], ['3', '6']]);
});

it.each([
  ['nobody is preferred', fleet(3)],
  ['everybody is', fleet(3, [0, 1, 2])],
])('has one group where %s', (_case, instances) => {
  const choice = createCandidateChooser(Math.random).some(instances, [GPU_PREFERRED]);

  expect(tiersOf(choice)).toEqual([['0', '1', '2']]);
});

it('keeps requests with different selectors apart in one call, and lets the others have all of it', () => {
  const requests = [EU, require({ region: 'us' }), {}, GPU_PREFERRED, require({ region: 'moon' })];

  const choice = createCandidateChooser(Math.random).some(fleet(6, [4]), requests);

  expect(requests.map((_, index) => tiersOf(choice, index).map((tier) => tier.toSorted()))).toEqual([
    [['0', '3']],
    [['1', '4']],
    [['0', '1', '2', '3', '4', '5']],
    [['4'], ['0', '1', '2', '3', '5']],
    [],
  ]);
  expect(choice.requests.map(({ unmatched }) => unmatched)).toEqual([false, false, false, false, true]);
});

it('shares the work of equal selectors: more requests look at more, and all at the same', () => {
  const requests = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? EU : GPU_PREFERRED));

  const choice = createCandidateChooser(Math.random).some(fleet(3000), requests);

  expect(choice.requests[0]?.tiers?.[0]?.length).toBe(40);
  expect(choice.requests[2]).toBe(choice.requests[0]);
  expect(choice.requests[3]).toBe(choice.requests[1]);
});

it('matches nothing in an empty fleet, and does not call that unmatched', () => {
  const chooser = createCandidateChooser(Math.random);
  const nothing = { instances: [], requests: [{ tiers: [], partial: false, unmatched: false }] };

  expect(chooser.some([], [EU])).toEqual(nothing);
  expect(chooser.all([], [EU])).toEqual(nothing);
});

it('looks at all that a request may have when told to', () => {
  const choice = createCandidateChooser(Math.random).all(fleet(3000, [7]), [{ ...EU, ...GPU_PREFERRED }, EU, {}]);

  expect(tiersOf(choice, 0).map(({ length }) => length)).toEqual([1000]);
  expect(tiersOf(choice, 1)[0]?.length).toBe(1000);
  expect(choice.requests.map(({ partial }) => partial)).toEqual([false, false, false]);
  expect(choice.instances.length).toBe(3000);
});

it.each([[[{}]], [[EU]], [[EU, {}]]])('never looks at more than 5,000, and not always at the same: %j', (requests) => {
  const draws = [0, 0.99];
  const chooser = createCandidateChooser(() => draws.shift() ?? 0.5);
  const all = fleet(18_000);

  const [one, other] = [chooser.all(all, requests), chooser.all(all, requests)];

  expect([one.instances.length, other.instances.length]).toEqual([5000, 5000]);
  expect(one.instances[0]).not.toBe(other.instances[0]);
  expect(one.requests.every(({ partial }) => partial)).toBe(true);
});

it('never gives what is not required, and every tier is of the call and no two overlap', () => {
  const text = fc.constantFrom('eu', 'us', 'asia', 'moon');
  const wanted = fc.oneof(
    fc.constant({}),
    fc.record({ region: text }),
    fc.constant({ gpu: true as const }),
    fc.record({ region: text, gpu: fc.constant(true as const) }),
  );
  const selectors = fc.record({ require: wanted, prefer: wanted });
  const calls = fc.array(fc.array(selectors, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 400 }), fc.array(fc.nat(399)), calls, (count, gpus, batches) => {
      const eligible = fleet(count, gpus);
      const chooser = createCandidateChooser(Math.random);
      for (const batch of batches) {
        const requests = batch.map((one): Selectors => {
          const [required, preferred] = [toSelector(one.require), toSelector(one.prefer)];
          return { ...(required && { require: required }), ...(preferred && { prefer: preferred }) };
        });
        for (const [choice, isAll] of [
          [chooser.some(eligible, requests), false],
          [chooser.all(eligible, requests), true],
        ] as const) {
          expect(new Set(choice.instances).size).toBe(choice.instances.length);
          for (const [index, request] of requests.entries()) {
            const isFit = matcherOf(request.require ?? []);
            const isPreferred = matcherOf(request.prefer ?? []);
            const mayHave = eligible.filter(isFit);
            const { partial, unmatched } = choice.requests[index]!;
            const tiers = tiersOf(choice, index).map((tier) => tier.map((id) => eligible[Number(id)]!));
            const had = tiers.flat();

            expect(had.every(isFit)).toBe(true);
            expect(new Set(had).size).toBe(had.length);
            expect(tiers.every((tier) => tier.length > 0 || mayHave.length === 0)).toBe(true);
            expect(unmatched).toBe(mayHave.length === 0 && count > 0);
            expect(partial).toBe(had.length < mayHave.length);
            if (isAll || mayHave.length <= 32) expect(had.length).toBe(mayHave.length);
            const firstRest = had.findIndex((one) => !isPreferred(one));
            if (firstRest >= 0)
              expect(had.slice(firstRest).some(isPreferred) && request.prefer !== undefined).toBe(false);
            if (request.prefer && mayHave.some(isPreferred)) expect(tiers[0]?.every(isPreferred)).toBe(true);
          }
        }
      }
    }),
    { numRuns: 60 },
  );
});

it('begins a fleet of more than 5,000 somewhere, and then looks at each instance once', () => {
  const chooser = createCandidateChooser(() => 0.5);
  const gpus = [0, 2000, 4999, 5000];

  const { instances } = chooser.all(fleet(5001, gpus), [require({ gpu: true })]);

  expect(instances.map(({ id }) => id)).toEqual(['4999', '5000', '0', '2000']);
});

it('begins a fleet of 5,000 with its first, whatever chance says', () => {
  const { instances } = createCandidateChooser(() => 0.5).all(fleet(5000), [{}]);

  expect(instances.length).toBe(5000);
  expect(instances[0]?.id).toBe('0');
});

it('prefers nobody where only something is required', () => {
  const choice = createCandidateChooser(Math.random).some(fleet(6, [0]), [EU, { ...EU, ...GPU_PREFERRED }]);

  expect(tiersOf(choice, 0)).toEqual([['0', '3']]);
  expect(tiersOf(choice, 1)).toEqual([['0'], ['3']]);
});

it('has no group of preferred ones where a full call has no place for any of them', () => {
  const american = Array.from({ length: 6000 }, (_, index) => 3 * index + 1);

  const choice = createCandidateChooser(() => 0).all(fleet(18_000, american), [EU, GPU_PREFERRED]);

  expect(choice.requests.map(({ tiers }) => tiers)).toEqual([undefined, undefined]);
  expect(choice.instances.every(({ tags }) => tags.length === 0)).toBe(true);
});
