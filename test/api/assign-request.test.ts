import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AssignRequest } from '../../lib/api/assign-request.ts';
import { parseJson, parseWith } from '../../lib/api/schema.ts';

const parse = (text: string) => {
  const json = parseJson(Buffer.from(text));
  return 'failure' in json ? json : parseWith(AssignRequest, json.value);
};

const withSettings = (settings: object) => ({ game_id: 'a', settings });

it.each([
  ['{"game_id":"a"}', { game_id: 'a' }],
  ['{"game_id":"a","settings":{}}', { game_id: 'a', settings: {} }],
  ['{"game_id":"a","settings":{"resource_level":"low"}}', { game_id: 'a', settings: { resource_level: 'low' } }],
  ['{"game_id":"a","settings":{"resource_level":"high"}}', { game_id: 'a', settings: { resource_level: 'high' } }],
  ['{"game_id":"a","settings":{"mode":"x"},"players":3}', { game_id: 'a', settings: {} }],
  ['{"game_id":"a","__proto__":{"settings":1},"constructor":1}', { game_id: 'a' }],
  ['{"game_id":"a","game_id":"b"}', { game_id: 'b' }],
  ['{"game_id":"a\\"/b"}', { game_id: 'a"/b' }],
  [
    '{"game_id":"a","settings":{"cpu_cores":1000,"memory_bytes":1,"exact":true}}',
    withSettings({ cpu_cores: 1000, memory_bytes: 1, exact: true }),
  ],
  [
    '{"game_id":"a","settings":{"cpu_cores":0.001,"memory_bytes":1e13}}',
    withSettings({ cpu_cores: 0.001, memory_bytes: 1e13 }),
  ],
  ['{"game_id":"a","settings":{"exact":false}}', withSettings({ exact: false })],
  ['{"game_id":"a","settings":{"strategy":"spread"}}', withSettings({ strategy: 'spread' })],
  ['{"game_id":"a","settings":{"strategy":"pack"}}', withSettings({ strategy: 'pack' })],
  ['{"game_id":"a","settings":{"wait_ms":0}}', withSettings({ wait_ms: 0 })],
  ['{"game_id":"a","settings":{"wait_ms":10000}}', withSettings({ wait_ms: 10_000 })],
  ['{"game_id":"a","settings":{"require":{},"prefer":{}}}', withSettings({ require: {}, prefer: {} })],
  [
    '{"game_id":"a","settings":{"require":{"region":"eu","gpu":true}}}',
    withSettings({ require: { region: 'eu', gpu: true } }),
  ],
  [
    '{"game_id":"a","settings":{"prefer":{"a b":"c d","регион":"ж"}}}',
    withSettings({ prefer: { 'a b': 'c d', регион: 'ж' } }),
  ],
])('takes %s', (text, value) => {
  expect(parse(text)).toEqual({ value });
});

it.each(['require', 'prefer'])('keeps every key of %s, whatever every object has under that name', (name) => {
  const text = '{"__proto__":"a","constructor":"b","toString":true,"hasOwnProperty":"c"}';

  const parsed = parse(`{"game_id":"a","settings":{"${name}":${text}}}`);

  // As text: the relay sends it on like that.
  expect(JSON.stringify(parsed)).toBe(`{"value":{"game_id":"a","settings":{"${name}":${text}}}}`);
});

const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));

it.each([
  { ...keys(8) },
  { ['k'.repeat(64)]: 'v', ['🎮'.repeat(64)]: 'v' },
  { k: 'v'.repeat(128), l: '🎮'.repeat(128) },
])('takes the largest selectors: %j', (selector) => {
  const value = withSettings({ require: selector, prefer: selector });

  expect(parse(JSON.stringify(value))).toEqual({ value });
});

it.each<[unknown, string]>([
  [null, ' must be an object.'],
  [[], ' must be an object.'],
  ['eu', ' must be an object.'],
  [keys(9), ' must have at most 8 keys.'],
  [{ '': 'v' }, ' must have keys of 1 to 64 characters.'],
  [{ ['k'.repeat(65)]: 'v' }, ' must have keys of 1 to 64 characters.'],
  [{ ['🎮'.repeat(65)]: 'v' }, ' must have keys of 1 to 64 characters.'],
  [{ region: '' }, '.region must be a non-empty string or true.'],
  [{ region: null }, '.region must be a non-empty string or true.'],
  [{ region: false }, '.region must be a non-empty string or true.'],
  [{ region: 7 }, '.region must be a non-empty string or true.'],
  [{ region: ['eu', 'us'] }, '.region must be a non-empty string or true.'],
  [{ region: { not: 'eu' } }, '.region must be a non-empty string or true.'],
  [{ region: 'x'.repeat(129) }, '.region must have at most 128 characters.'],
  [{ region: '🎮'.repeat(129) }, '.region must have at most 128 characters.'],
  [{ zone: 'a', constructor: 1 }, '.constructor must be a non-empty string or true.'],
  [JSON.parse('{"__proto__":{"x":1}}'), '.__proto__ must be a non-empty string or true.'],
  [{ 'a\nb': 1 }, ' must be a non-empty string or true.'],
  [{ '\ud800': 1 }, ' must be a non-empty string or true.'],
])('refuses the selector %j: %s', (selector, message) => {
  for (const name of ['require', 'prefer']) {
    const failure = { code: 'invalid_request', message: `settings.${name}${message}` };
    expect(parse(JSON.stringify({ game_id: 'a', settings: { [name]: selector } }))).toEqual({ failure });
  }
});

it.each([
  ['null', 'The request must be a JSON object.'],
  ['[]', 'The request must be a JSON object.'],
  ['[{"game_id":"a"}]', 'The request must be a JSON object.'],
  ['"a"', 'The request must be a JSON object.'],
  ['5', 'The request must be a JSON object.'],
  ['{}', 'game_id is required.'],
  ['{"gameId":"a"}', 'game_id is required.'],
  ['{"game_id":null}', 'game_id must be a string.'],
  ['{"game_id":5}', 'game_id must be a string.'],
  ['{"game_id":["a"]}', 'game_id must be a string.'],
  ['{"game_id":""}', 'game_id must not be empty.'],
  ['{"game_id":"a b"}', 'game_id must not contain white space or control characters.'],
  ['{"game_id":"\\ud800"}', 'game_id must be well-formed Unicode.'],
  ['{"game_id":"a","settings":null}', 'settings must be an object.'],
  ['{"game_id":"a","settings":[]}', 'settings must be an object.'],
  ['{"game_id":"a","settings":"low"}', 'settings must be an object.'],
  ['{"game_id":"a","settings":{"resource_level":null}}', 'settings.resource_level must be "low" or "high".'],
  ['{"game_id":"a","settings":{"resource_level":"LOW"}}', 'settings.resource_level must be "low" or "high".'],
  ['{"game_id":"a","settings":{"resource_level":1}}', 'settings.resource_level must be "low" or "high".'],
  ['{"game_id":"a","settings":{"cpu_cores":0}}', 'settings.cpu_cores must be above 0 and at most 1000.'],
  ['{"game_id":"a","settings":{"cpu_cores":-1}}', 'settings.cpu_cores must be above 0 and at most 1000.'],
  ['{"game_id":"a","settings":{"cpu_cores":1000.1}}', 'settings.cpu_cores must be above 0 and at most 1000.'],
  ['{"game_id":"a","settings":{"cpu_cores":1e999}}', 'settings.cpu_cores must be a number.'],
  ['{"game_id":"a","settings":{"cpu_cores":"2"}}', 'settings.cpu_cores must be a number.'],
  ['{"game_id":"a","settings":{"cpu_cores":null}}', 'settings.cpu_cores must be a number.'],
  ['{"game_id":"a","settings":{"memory_bytes":0.5}}', 'settings.memory_bytes must be at least 1.'],
  ['{"game_id":"a","settings":{"memory_bytes":2e13}}', 'settings.memory_bytes must be at most 1e13.'],
  ['{"game_id":"a","settings":{"memory_bytes":null}}', 'settings.memory_bytes must be a number.'],
  ['{"game_id":"a","settings":{"exact":1}}', 'settings.exact must be true or false.'],
  ['{"game_id":"a","settings":{"exact":null}}', 'settings.exact must be true or false.'],
  ['{"game_id":"a","settings":{"strategy":"random"}}', 'settings.strategy must be "spread" or "pack".'],
  ['{"game_id":"a","settings":{"strategy":null}}', 'settings.strategy must be "spread" or "pack".'],
  ['{"game_id":"a","settings":{"wait_ms":-1}}', 'settings.wait_ms must be at least 0.'],
  ['{"game_id":"a","settings":{"wait_ms":10001}}', 'settings.wait_ms must be at most 10000.'],
  ['{"game_id":"a","settings":{"wait_ms":"200"}}', 'settings.wait_ms must be a number.'],
  ['{"game_id":"a","settings":{"wait_ms":null}}', 'settings.wait_ms must be a number.'],
  ['{"game_id":"a","settings":{"wait_ms":1e999}}', 'settings.wait_ms must be a number.'],
])('refuses %s: %s', (text, message) => {
  expect(parse(text)).toEqual({ failure: { code: 'invalid_request', message } });
});

it('answers any JSON value with a request or one short sentence that names a field of ours', () => {
  const names = ['resource_level', 'cpu_cores', 'memory_bytes', 'exact', 'require', 'prefer', 'strategy', 'wait_ms'];
  const any = fc.oneof(fc.jsonValue(), fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()));
  const settings = fc.dictionary(fc.constantFrom(...names, 'other'), any);
  const request = fc.record({ game_id: fc.constant('a'), settings });
  const value = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('game_id', 'settings', 'other'), any), request);
  const field = `(The request|game_id|settings(\\.(${names.join('|')}))?|settings\\.(require|prefer)\\.[^\\s\\p{Cc}]{1,64})`;
  const sentence = new RegExp(`^${field} [^.\n]{5,80}\\.$`, 'u');
  fc.assert(
    fc.property(value, (input) => {
      const parsed = parseWith(AssignRequest, input);
      if ('failure' in parsed) expect(parsed.failure.message).toMatch(sentence);
    }),
    { numRuns: 500 },
  );
});
