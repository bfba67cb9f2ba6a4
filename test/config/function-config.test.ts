import { expect, it } from 'vitest';
import { ConfigError, type Env } from '../../lib/config/env.ts';
import { readFunctionConfig } from '../../lib/config/function-config.ts';

const LEAST = { UPSTASH_REDIS_REST_URL: 'https://x.upstash.io', UPSTASH_REDIS_REST_TOKEN: 't' };

function problemsOf(env: Env): readonly string[] {
  try {
    readFunctionConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

it('reads the least that a function needs', () => {
  expect(readFunctionConfig(LEAST)).toMatchObject({
    log: { level: 'INFO' },
    upstashUrl: new URL('https://x.upstash.io'),
    allocator: { redis: { kind: 'upstash', url: new URL('https://x.upstash.io') } },
  });
});

it.each([{}, { UPSTASH_REDIS_REST_TOKEN: 't' }, { ...LEAST, UPSTASH_REDIS_REST_URL: '' }, { REDIS_HOST: 'redis' }])(
  'refuses to start without the address of Upstash: %o',
  (env) => {
    expect(problemsOf(env)).toContain('UPSTASH_REDIS_REST_URL is required.');
  },
);

it('needs the token of Upstash, or a path where it can be read', () => {
  const { UPSTASH_REDIS_REST_URL } = LEAST;

  expect(problemsOf({ UPSTASH_REDIS_REST_URL })).toEqual([
    'UPSTASH_REDIS_REST_TOKEN is required where there is no SSM_PATH.',
  ]);
  expect(problemsOf({ UPSTASH_REDIS_REST_URL, SSM_PATH: '/game-allocator/prod' })).toEqual([]);
});

it.each([
  ['true', 'local', true],
  ['True', 'local', true],
  ['false', 'prod', false],
  ['', 'prod', false],
  ['', '', false],
])('with ALLOW_ANONYMOUS=%j and STAGE=%j, that nobody needs a token is %j', (allow, stage, anonymous) => {
  expect(readFunctionConfig({ ...LEAST, ALLOW_ANONYMOUS: allow, STAGE: stage }).anonymous).toBe(anonymous);
});

it.each(['', 'prod', 'dev', 'Local', 'local2', ' local'])('refuses ALLOW_ANONYMOUS=true where STAGE is %j', (stage) => {
  expect(problemsOf({ ...LEAST, ALLOW_ANONYMOUS: 'true', STAGE: stage })).toEqual([
    'ALLOW_ANONYMOUS must not be true unless STAGE is local.',
  ]);
});

it.each(['yes', '1', 'on'])('does not guess what ALLOW_ANONYMOUS=%s means', (value) => {
  expect(problemsOf({ ...LEAST, ALLOW_ANONYMOUS: value, STAGE: 'local' })).toEqual([
    'ALLOW_ANONYMOUS must be true or false.',
  ]);
});

it('refuses a third token, which would let nobody in', () => {
  expect(problemsOf({ ...LEAST, API_TOKENS: 'canary-1,canary-2' })).toEqual([]);
  expect(problemsOf({ ...LEAST, API_TOKENS: 'canary-1, canary-2 canary-3' })).toEqual([
    'API_TOKENS must have at most 2 tokens.',
  ]);
});

it('lists a missing address together with every other problem', () => {
  const problems = problemsOf({ GAME_CACHE_TTL: 'canary', LOG_LEVEL: 'canary', CONSUL_URL: 'http://canary:canary@x' });

  expect(problems.map((problem) => problem.split(' ')[0]).toSorted()).toEqual([
    'CONSUL_URL',
    'GAME_CACHE_TTL',
    'LOG_LEVEL',
    'UPSTASH_REDIS_REST_URL',
  ]);
  expect(problems.join()).not.toContain('canary');
});
