import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseJson } from '../../lib/api/schema.ts';

const NOT_JSON = { failure: { code: 'invalid_request', message: 'The request must be JSON text in UTF-8.' } };

it.each(['{"a":1}', ' [1] ', 'null', '"игра 🎮"', '1e400', '-0', '{"__proto__":{"x":1}}'])('reads %s', (text) => {
  expect(parseJson(Buffer.from(text))).toEqual({ value: JSON.parse(text) });
});

it.each<[string, Uint8Array]>([
  ['nothing', Buffer.alloc(0)],
  ['a truncated text', Buffer.from('{"game_id":"a"')],
  ['garbage behind', Buffer.from('{} x')],
  ['two values', Buffer.from('{}{}')],
  ['a byte order mark', Buffer.from('\ufeff{}')],
  ['UTF-16', Buffer.from('{}', 'utf16le')],
  ['Latin-1', Buffer.from('"\u00e9"', 'latin1')],
  ['half a character', Buffer.from('"🎮"').subarray(0, 3)],
  ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ['a NUL', Buffer.from('"\0"')],
  ['NaN', Buffer.from('NaN')],
  ['single quotes', Buffer.from("{'a':1}")],
  ['gzip', Buffer.from([0x1f, 0x8b, 0x08, 0x00])],
])('refuses %s', (_case, body) => {
  expect(parseJson(body)).toEqual(NOT_JSON);
});

it('reads what JSON.stringify wrote, and never throws', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(parseJson(Buffer.from(text))).toEqual({ value: JSON.parse(text) });
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (body) => {
      const parsed = parseJson(body);
      if ('failure' in parsed) expect(parsed).toEqual(NOT_JSON);
    }),
  );
});
