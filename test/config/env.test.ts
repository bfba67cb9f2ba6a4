import { expect, it } from 'vitest';
import * as z from 'zod/mini';
import {
  ConfigError,
  defaulted,
  type Env,
  flag,
  httpUrl,
  integer,
  number,
  oneOf,
  readEnv,
  secret,
  text,
  type Variable,
} from '../../lib/config/env.ts';

function problemsOf(schema: z.ZodMiniType<unknown>, env: Env): readonly string[] {
  try {
    readEnv(schema, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const reads = <T>(variable: Variable<T>, value: string) => readEnv(z.object({ X: variable }), { X: value }).X;

it.each<[string, Variable<unknown>, string, unknown]>([
  ['number', number(0, 10), '0.5', 0.5],
  ['number', number(-5, 10), '-5', -5],
  ['number', number(0, 1e15), '1e15', 1e15],
  ['integer', integer(0, 100), '0', 0],
  ['integer', integer(0, 100), '0100', 100],
  ['flag', flag(), 'True', true],
  ['flag', flag(), 'false', false],
  ['oneOf', oneOf(['INFO', 'text']), 'info', 'INFO'],
  ['oneOf', oneOf(['INFO', 'text']), 'TEXT', 'text'],
  ['text', text(), 'game service', 'game service'],
  ['secret', secret(), ' abc\n', 'abc'],
])('%s reads %j', (_kind, variable, value, expected) => {
  expect(reads(variable, value)).toBe(expected);
});

it.each<[Variable<unknown>, string, string]>([
  [number(0, 10), '10.1', 'must be a number from 0 to 10'],
  [number(0, 10), '-1', 'must be a number from 0 to 10'],
  [number(0, 10), '1.2.3', 'must be a number from 0 to 10'],
  [number(0, 10), 'NaN', 'must be a number from 0 to 10'],
  [number(0, 10), 'Infinity', 'must be a number from 0 to 10'],
  [number(0, 10), '0x5', 'must be a number from 0 to 10'],
  [number(0, 10), ' 5', 'must be a number from 0 to 10'],
  [number(0, 10), '.', 'must be a number from 0 to 10'],
  [integer(1, 65_535), '0', 'must be a whole number from 1 to 65535'],
  [integer(1, 65_535), '65536', 'must be a whole number from 1 to 65535'],
  [integer(1, 65_535), '5.5', 'must be a whole number from 1 to 65535'],
  [integer(1, 65_535), '1e3', 'must be a whole number from 1 to 65535'],
  [integer(1, 65_535), '80 ', 'must be a whole number from 1 to 65535'],
  [flag(), '1', 'must be true or false'],
  [flag(), 'yes', 'must be true or false'],
  [oneOf(['text', 'json']), 'xml', 'must be one of text, json'],
  [text(), ' \t', 'must not be blank'],
  [secret(), ' \n', 'must not be blank'],
])('%o does not read %j', (variable, value, rule) => {
  expect(problemsOf(z.object({ X: variable }), { X: value })).toEqual([`X ${rule}.`]);
});

it.each(['http://consul:8500', 'https://x.example/prefix/?a=b', 'http://[::1]:8500'])('reads the URL %s', (value) => {
  expect(reads(httpUrl(), value)).toEqual(new URL(value));
});

it.each([
  'consul:8500',
  'ftp://x',
  'http://',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'http://user@x',
  'http://user:canary@x',
  'http://:canary@x',
  'not a URL',
])('does not read the URL %s', (value) => {
  expect(problemsOf(z.object({ X: httpUrl() }), { X: value })).toEqual([
    'X must be an http or https URL without user name or password.',
  ]);
});

it.each([{}, { X: '' }, { X: undefined }])('takes the fallback where a variable is empty or absent: %o', (env) => {
  expect(readEnv(z.object({ X: defaulted(integer(1, 9), 5) }), env)).toEqual({ X: 5 });
});

it('says that a variable without a fallback is required', () => {
  expect(problemsOf(z.object({ X: httpUrl(), Y: integer(1, 9) }), { Y: '' })).toEqual([
    'X is required.',
    'Y is required.',
  ]);
});

it('ignores variables that it does not know', () => {
  expect(readEnv(z.object({}), { PATH: '/bin', HOME: '' })).toEqual({});
});

it('names every problem at once and prints no value', () => {
  const schema = z.object({ A: defaulted(integer(1, 9), 1), B: httpUrl(), C: secret(), D: defaulted(flag(), true) });
  const env = { A: 'canary1', B: 'http://u:canary2@x', C: ' ', D: 'canary3' };

  let error: unknown;
  try {
    readEnv(schema, env);
  } catch (thrown) {
    error = thrown;
  }

  expect(error).toBeInstanceOf(ConfigError);
  const { problems, message, stack, cause } = error as ConfigError;
  expect(problems.map((problem) => problem.split(' ')[0])).toEqual(['A', 'B', 'C', 'D']);
  expect(message).toContain('4 problem(s)');
  expect(`${problems} ${message} ${stack} ${JSON.stringify(error)}`).not.toContain('canary');
  expect(cause).toBeUndefined();
});
