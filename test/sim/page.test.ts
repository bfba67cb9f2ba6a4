import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readKeptScores } from './figures.ts';
import { readmeWith } from './page.ts';

it('finds in the README what the kept figures say', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

  expect(readmeWith(readme, readKeptScores())).toBe(readme);
});
