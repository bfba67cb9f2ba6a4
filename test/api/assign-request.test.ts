import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AssignRequest } from '../../lib/api/assign-request.ts';
import { parseJson, parseWith } from '../../lib/api/schema.ts';

const parse = (text: string) => {
  const json = parseJson(Buffer.from(text));
  return 'failure' in json ? json : parseWith(AssignRequest, json.value);
};

it.each([
  ['{"game_id":"a"}', { game_id: 'a' }],
  ['{"game_id":"a","settings":{}}', { game_id: 'a', settings: {} }],
  ['{"game_id":"a","settings":{"resource_level":"low"}}', { game_id: 'a', settings: { resource_level: 'low' } }],
  ['{"game_id":"a","settings":{"resource_level":"high"}}', { game_id: 'a', settings: { resource_level: 'high' } }],
  ['{"game_id":"a","settings":{"mode":"x"},"players":3}', { game_id: 'a', settings: {} }],
  ['{"game_id":"a","__proto__":{"settings":1},"constructor":1}', { game_id: 'a' }],
  ['{"game_id":"a","game_id":"b"}', { game_id: 'b' }],
  ['{"game_id":"a\\"/b"}', { game_id: 'a"/b' }],
])('takes %s', (text, value) => {
  expect(parse(text)).toEqual({ value });
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
])('refuses %s: %s', (text, message) => {
  expect(parse(text)).toEqual({ failure: { code: 'invalid_request', message } });
});

it('answers any JSON value with a request or one short sentence that names a field of ours', () => {
  const field = fc.constantFrom('game_id', 'settings', 'resource_level', 'other');
  const value = fc.oneof(fc.jsonValue(), fc.dictionary(field, fc.jsonValue()));
  fc.assert(
    fc.property(value, (input) => {
      const parsed = parseWith(AssignRequest, input);
      if (!('failure' in parsed)) return;
      expect(parsed.failure.message).toMatch(/^(The request|game_id|settings|settings\.resource_level) [^.]{5,80}\.$/);
    }),
  );
});
