import { expect, it } from 'vitest';
import { isDefaultModel, isDefaultProduct, parseOptions, UsageError } from './options.ts';
import { SCENARIOS } from './scenarios.ts';

it('runs the product once through every scenario unless it is told otherwise', () => {
  const options = parseOptions([]);

  expect(options).toMatchObject({ policies: ['product'], seeds: [1], jobs: 2 });
  expect(options.scenarios).toEqual(SCENARIOS.map(({ name }) => name));
  expect(isDefaultModel(options) && isDefaultProduct(options)).toBe(true);
});

it('takes names one by one or with commas, and all policies by one word', () => {
  const options = parseOptions(['--scenario', 'n64,n4', '--scenario', 'ram', '--policy', 'all', '--seeds', '3']);

  expect(options.scenarios).toEqual(['n4', 'n64', 'ram']);
  expect(options.policies).toHaveLength(8);
  expect(parseOptions(['--seeds', '2', '--first-seed', '7']).seeds).toEqual([7, 8]);
});

it.each([
  [['--hints'], true, false],
  [['--end-reports'], true, false],
  [['--cost-factor', '0.3'], true, false],
  [['--scrape-interval', '5', '--cpu-window', '20', '--view-age', '2'], false, true],
])('knows that %j cannot stand beside the kept figures as they are', (argv, defaultModel, defaultProduct) => {
  const options = parseOptions(argv);

  expect([isDefaultModel(options), isDefaultProduct(options)]).toEqual([defaultModel, defaultProduct]);
});

it.each([
  [['--scenario', 'n5'], '--scenario n5: not known'],
  [['--policy', 'best'], '--policy best: not known'],
  [['--seeds', '0'], '--seeds must be'],
  [['--jobs', 'two'], '--jobs must be'],
  [['--cost-factor', '0'], '--cost-factor must be'],
  [['--scrape-interval', '45'], '--scrape-interval is too long'],
  [['--lua', '/nowhere.lua'], '--lua: there is no file'],
  [['--fast'], '--fast'],
  [['n64'], 'n64'],
])('refuses %j by name', (argv, message) => {
  expect(() => parseOptions(argv)).toThrow(UsageError);
  expect(() => parseOptions(argv)).toThrow(message);
});
