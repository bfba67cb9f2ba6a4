import { expect, it } from 'vitest';
import { isBearerOf, readTokens } from '../../lib/api/bearer-tokens.ts';

it.each([
  ['one', 'Bearer one'],
  ['one', 'bearer one'],
  ['one,two', 'Bearer one'],
  ['one,two', 'Bearer two'],
  [' one ,\n two ', 'Bearer two'],
  ['one two', 'Bearer two'],
  ['one,,two', 'Bearer two'],
  ['a-._~+/=!$&', 'Bearer a-._~+/=!$&'],
])('of the tokens %j, %j lets in', (tokens, header) => {
  expect(isBearerOf(readTokens(tokens), header)).toBe(true);
});

it.each([
  [undefined, 'Bearer one'],
  ['', 'Bearer one'],
  ['', 'Bearer '],
  [' , ', 'Bearer ,'],
  ['one', undefined],
  ['one', ''],
  ['one', 'Bearer'],
  ['one', 'Bearer '],
  ['one', 'one'],
  ['one', 'Basic one'],
  ['one', 'Bearerone'],
  ['one', 'Bearer  one'],
  ['one', ' Bearer one'],
  ['one', 'Bearer one '],
  ['one', 'Bearer one\n'],
  ['one', 'Bearer One'],
  ['one', 'Bearer on'],
  ['one', 'Bearer onee'],
  ['one', 'Bearer one,two'],
  ['one,two', 'Bearer one,two'],
  ['one', 'Bearer \u043ene'],
  ['one', 'Bearer one\0'],
  ['one,two,three', 'Bearer three'],
  ['undefined', 'Bearer'],
])('of the tokens %j, %j lets nobody in', (tokens, header) => {
  expect(isBearerOf(readTokens(tokens), header)).toBe(false);
});

it.each([
  [undefined, 0],
  ['', 0],
  ['one', 0],
  ['one, two', 0],
  ['one,two,three', 1],
  ['one two three four', 2],
])('of the tokens %j, it counts %d that let nobody in', (tokens, ignored) => {
  expect(readTokens(tokens).ignored).toBe(ignored);
});

it('compares with every token by timingSafeEqual, also once one has fitted', () => {
  const [one = Buffer.alloc(0)] = readTokens('one').hashes;
  // It throws for what has another length, so that it must have come there.
  const tokens = { hashes: [one, Buffer.alloc(1)], ignored: 0 };

  expect(() => isBearerOf(tokens, 'Bearer one')).toThrow(RangeError);
});
