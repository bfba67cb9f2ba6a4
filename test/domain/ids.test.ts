import fc from 'fast-check';
import { expect, it } from 'vitest';
import { gameIdProblem, isInstanceId } from '../../lib/domain/ids.ts';

const WHITE = 'must not contain white space or control characters';

it.each([
  '123456789012',
  '1e3',
  'null',
  'true',
  '-0',
  'a"b\'c',
  'a/b',
  '..',
  '%2f',
  '*',
  '>',
  'g:*',
  '{tag}',
  'игра-1',
  '🎮',
  'é',
  'e\u0301',
  'A',
  'a',
  '\u202Ea', // right-to-left override
  '<script>alert(1)</script>',
  '\u0024{jndi:ldap://x}',
  '%s%n',
  '__proto__',
  'x'.repeat(128),
  '🎮'.repeat(128),
])('%j can be a game_id', (id) => {
  expect(gameIdProblem(id)).toBeUndefined();
});

it.each([
  ['', 'must not be empty'],
  [' ', WHITE],
  ['a b', WHITE],
  ['a\tb', WHITE],
  ['a\n', WHITE],
  ['a\r\nSET b c', WHITE],
  ['\0', WHITE],
  ['a\u007f', WHITE],
  ['\u0085', WHITE],
  ['\u00a0', WHITE],
  ['\u1680', WHITE],
  ['\u2028', WHITE],
  ['\u2029', WHITE],
  ['\u3000', WHITE],
  ['\ufeffa', WHITE],
  ['\ud800', 'must be well-formed Unicode'],
  ['a\udc00b', 'must be well-formed Unicode'],
  ['x'.repeat(129), 'must have at most 128 characters'],
  ['🎮'.repeat(129), 'must have at most 128 characters'],
])('%j cannot be a game_id', (id, problem) => {
  expect(gameIdProblem(id)).toBe(problem);
});

it('any game_id without a problem survives UTF-8 and JSON to the letter', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (id) => {
      const problem = gameIdProblem(id);
      if (problem !== undefined) return;
      expect(Buffer.from(id).toString()).toBe(id);
      expect(JSON.parse(JSON.stringify(id))).toBe(id);
      expect([...id].length).toBeLessThanOrEqual(128);
      expect(id).not.toMatch(/\s/);
    }),
  );
});

it.each(['10.0.0.3', 'game-server-1', 'a', 'сервер', 'a:8080', '2001:db8::1', 'x'.repeat(256)])(
  '%j can be an instance_id',
  (id) => {
    expect(isInstanceId(id)).toBe(true);
  },
);

it.each([
  '',
  '.',
  '.a',
  'a.',
  'a..b',
  'a b',
  'a\n',
  '\0',
  '*',
  'a.*',
  '>',
  'a.>',
  'a*b',
  '\u00a0',
  '\ufeff',
  '\ud800',
  'x'.repeat(257),
])('%j cannot be an instance_id', (id) => {
  expect(isInstanceId(id)).toBe(false);
});

it('an instance_id is always one or more NATS subject tokens', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (id) => {
      if (isInstanceId(id)) expect(id).toMatch(/^[^\s.*>]+(\.[^\s.*>]+)*$/u);
    }),
  );
});
