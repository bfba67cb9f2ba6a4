import { expect, it } from 'vitest';
import { hasAtMost, isSelectable, matcherOf, SELECTABLE_LENGTH, toSelector } from '../../lib/domain/selector.ts';
import { instance } from '../support/fakes.ts';

const json = (text: string) => JSON.parse(text);

it.each([
  ['a text in Meta', { region: 'eu' }, { meta: { region: 'eu' } }, true],
  ['another text in Meta', { region: 'eu' }, { meta: { region: 'eu-1' } }, false],
  ['no such key', { region: 'eu' }, { meta: { zone: 'eu' } }, false],
  ['another case', { region: 'eu' }, { meta: { region: 'EU' } }, false],
  ['a text in a tag', { region: 'eu' }, { tags: ['v1', 'region=eu'] }, true],
  ['a longer text in a tag', { region: 'eu' }, { tags: ['region=eu-1', 'my-region=eu'] }, false],
  ['a tag that is the key alone', { region: 'eu' }, { tags: ['region', 'eu'] }, false],
  ['a tag where Meta says otherwise', { region: 'eu' }, { tags: ['region=eu'], meta: { region: 'us' } }, true],
  ['a tag for true', { gpu: true }, { tags: ['v1', 'gpu'] }, true],
  ['true in Meta', { gpu: true }, { meta: { gpu: 'true' } }, true],
  ['another text in Meta for true', { gpu: true }, { meta: { gpu: 'yes' } }, false],
  ['a tag with true as its text', { gpu: true }, { tags: ['gpu=true'] }, false],
  ['"true" as a text', { gpu: 'true' }, { tags: ['gpu'], meta: { gpu: 'true' } }, true],
  ['"true" as a text, of a tag alone', { gpu: 'true' }, { tags: ['gpu'] }, false],
  ['all of several', { region: 'eu', gpu: true }, { tags: ['gpu'], meta: { region: 'eu' } }, true],
  ['one of several', { region: 'eu', gpu: true }, { meta: { region: 'eu' } }, false],
  ['a key with = in it', { 'a=b': 'c' }, { meta: { a: 'b=c' } }, false],
  ['a name that every object has', { constructor: 'x' }, {}, false],
  ['a name that every object has, for true', { toString: true }, {}, false],
  ['such a name in Meta', { constructor: 'x' }, { meta: { constructor: 'x' } }, true],
  ['what an object has from another', { region: 'eu' }, { meta: Object.create({ region: 'eu' }) }, false],
  ['__proto__ where there is none', json('{"__proto__":"x"}'), {}, false],
  ['__proto__ in Meta', json('{"__proto__":"x"}'), { meta: json('{"__proto__":"x"}') }, true],
  ['__proto__ in a tag', json('{"__proto__":"x"}'), { tags: ['__proto__=x'] }, true],
])('%s: %j and %j match: %s', (_case, wanted, own, matches) => {
  const selector = toSelector(wanted)!;

  expect(matcherOf(selector)(instance('10.0.0.1', own))).toBe(matches);
});

it.each([[{}], [undefined], [Object.create({ inherited: 'x' })]])('takes %j for no selector', (wanted) => {
  expect(toSelector(wanted)).toBeUndefined();
});

it('makes equal text of equal wishes, in whatever order they are told', () => {
  const one = toSelector({ b: 'x', a: true, __c: 'y' });

  expect(one).toEqual([
    ['__c', 'y'],
    ['a', true],
    ['b', 'x'],
  ]);
  expect(JSON.stringify(toSelector({ __c: 'y', b: 'x', a: true }))).toBe(JSON.stringify(one));
});

it.each([
  ['', 0, true],
  ['abc', 3, true],
  ['abcd', 3, false],
  // Each takes two units.
  ['🎲🎲🎲', 3, true],
  ['🎲🎲🎲🎲', 3, false],
  ['🎲🎲🎲a', 3, false],
  ['🎲🎲a', 3, true],
  ['abcdef', 3, false],
])('of %j says that it has at most %i characters: %s', (text, most, has) => {
  expect(hasAtMost(text, most)).toBe(has);
});

it.each<[unknown, boolean]>([
  ['eu', true],
  ['', true],
  ['x'.repeat(SELECTABLE_LENGTH), true],
  ['x'.repeat(SELECTABLE_LENGTH + 1), false],
  [7, false],
  [['eu'], false],
  [undefined, false],
])('can select by %j: %s', (text, can) => {
  expect(isSelectable(text)).toBe(can);
});
