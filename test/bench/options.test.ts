import { expect, it } from 'vitest';
import { PART_NAMES, readOptions } from './options.ts';

it('runs everything but the floor alone, which end-to-end holds, unless told otherwise', () => {
  expect(readOptions([])).toEqual({
    parts: PART_NAMES.filter((name) => name !== 'floor'),
    quick: false,
    jsonFile: undefined,
    help: false,
  });
});

it('reads parts separated by commas, and runs them in its own order', () => {
  const options = readOptions(['--only', 'cold, script', '--quick', '--json', 'a.json']);

  expect(options).toEqual({ parts: ['script', 'cold'], quick: true, jsonFile: 'a.json', help: false });
});

it('runs the floor alone where it is asked for alone', () => {
  expect(readOptions(['--only', 'floor'])).toMatchObject({ parts: ['floor'] });
});

it.each([
  [['--only', 'warm'], /no part warm/],
  [['--fast'], /--fast/],
  [['there'], /there/],
])('says what is wrong with %j', (argv, problem) => {
  expect(readOptions(argv)).toEqual({ problem: expect.stringMatching(problem) });
});
