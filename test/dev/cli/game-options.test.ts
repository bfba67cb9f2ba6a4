import { expect, it } from 'vitest';
import { readArguments } from '../../../dev/cli/arguments.ts';
import { GAME_OPTIONS, settingsOf } from '../../../dev/cli/game-options.ts';

/** As it goes over the wire. */
function settings(...args: readonly string[]) {
  return JSON.parse(JSON.stringify(settingsOf(readArguments(args, GAME_OPTIONS).values)));
}

it('makes settings of all options, and nothing of none', () => {
  expect(settings()).toEqual({});
  expect(
    settings(
      ...['--level', 'high', '--cpu-cores', '0.5', '--memory-bytes', '1e9', '--exact', '--strategy', 'pack'],
      ...['--require', 'region=eu', '--require', 'gpu', '--prefer', 'zone=a=b', '--prefer', 'empty='],
    ),
  ).toEqual({
    resource_level: 'high',
    cpu_cores: 0.5,
    memory_bytes: 1e9,
    exact: true,
    strategy: 'pack',
    require: { region: 'eu', gpu: true },
    prefer: { zone: 'a=b', empty: '' },
  });
});

it('leaves it to the allocator what words there are', () => {
  expect(settings('--level', 'extreme')).toEqual({ resource_level: 'extreme' });
});

it.each([
  { args: ['--cpu-cores', 'two'], problem: '--cpu-cores must be a number, not "two".' },
  { args: ['--memory-bytes', ''], problem: '--memory-bytes must be a number, not "".' },
  { args: ['--require', '=eu'], problem: '--require must be KEY or KEY=VALUE.' },
  { args: ['--prefer', ''], problem: '--prefer must be KEY or KEY=VALUE.' },
])('refuses $args', ({ args, problem }) => {
  expect(() => settings(...args)).toThrow(expect.objectContaining({ name: 'WrongUsage', message: problem }));
});
