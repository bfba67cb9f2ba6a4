import { expect, it } from 'vitest';
import { isBearerOf } from '../../lib/api/bearer-tokens.ts';

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
  expect(isBearerOf(tokens, header)).toBe(true);
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
  expect(isBearerOf(tokens, header)).toBe(false);
});
