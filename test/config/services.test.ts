import { expect, it } from 'vitest';
import * as z from 'zod/mini';
import { ConfigError, type Env, readEnv } from '../../lib/config/env.ts';
import { ServicesVariables, toServices } from '../../lib/config/services.ts';

const read = (env: Env) => toServices(readEnv(z.object(ServicesVariables), env));
const readJson = (services: unknown, env: Env = {}) => read({ SERVICES: JSON.stringify(services), ...env });

function problemsOf(call: () => unknown): readonly string[] {
  try {
    call();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

it('has the documented services by default', () => {
  expect(read({})).toEqual([
    {
      name: 'game-service',
      subjects: {
        assign: 'game.assign.request',
        lookup: 'game.lookup.request',
        renew: 'game.renew.request',
        release: 'game.release.request',
        instance: 'game.instance.request',
        instances: 'game.instances.request',
        fleet: 'game.fleet.request',
        explain: 'game.explain.request',
      },
      recordPrefix: 'games',
    },
    { name: 'ai-service', subjects: { instance: 'ai.instance.request', instances: 'ai.instances.request' } },
  ]);
});

it('renames the first of them', () => {
  const [first, second] = read({ GAME_SERVICE_NAME: 'arena', RECORD_PREFIX: 'arenas' });

  expect(first).toMatchObject({ name: 'arena', recordPrefix: 'arenas', subjects: { assign: 'game.assign.request' } });
  expect(second).toMatchObject({ name: 'ai-service' });
});

it('with a subject of its own for assignments listens for nothing else, as an allocator beside another one must', () => {
  expect(read({ ASSIGN_SUBJECT: 'dev.game.assign.request' })).toEqual([
    { name: 'game-service', subjects: { assign: 'dev.game.assign.request' }, recordPrefix: 'games' },
    { name: 'ai-service', subjects: {} },
  ]);
});

it('reads services in their order, the first of them with RECORD_PREFIX where it states none', () => {
  const services = {
    chess: { assign: 'chess.assign', release: 'chess.release' },
    go: { assign: 'go.assign', record_prefix: 'go-games' },
    bots: { instance: 'bots.instance' },
  };

  expect(readJson(services, { RECORD_PREFIX: 'boards' })).toEqual([
    { name: 'chess', subjects: { assign: 'chess.assign', release: 'chess.release' }, recordPrefix: 'boards' },
    { name: 'go', subjects: { assign: 'go.assign' }, recordPrefix: 'go-games' },
    { name: 'bots', subjects: { instance: 'bots.instance' }, recordPrefix: undefined },
  ]);
  expect(readJson({ chess: { record_prefix: 'own' } }, { RECORD_PREFIX: 'boards' })[0].recordPrefix).toBe('own');
});

it.each<[string, string]>([
  ['{', 'SERVICES must be JSON.'],
  ['null', 'SERVICES must be a JSON object.'],
  ['[]', 'SERVICES must be a JSON object.'],
  ['"game-service"', 'SERVICES must be a JSON object.'],
  ['{}', 'SERVICES must name a service.'],
  ['{"__proto__":{}}', 'SERVICES must name a service.'],
  ['{"7":{}}', 'SERVICES must have names that begin with a letter and have letters, digits, ., _ and - only.'],
  ['{"a:b":{}}', 'SERVICES must have names that begin with a letter and have letters, digits, ., _ and - only.'],
  ['{"a":null}', 'SERVICES.a must be an object.'],
  ['{"a":[]}', 'SERVICES.a must be an object.'],
  [
    '{"a":{"asign":"x"}}',
    'SERVICES.a must have no other keys than assign, lookup, renew, release, instance, instances, fleet, explain, record_prefix.',
  ],
  ['{"a":{"assign":7}}', 'SERVICES.a.assign must be a string.'],
  ['{"a":{"assign":null}}', 'SERVICES.a.assign must be a string.'],
  ['{"a":{"assign":""}}', 'SERVICES.a.assign must be a NATS subject without wildcards.'],
  ['{"a":{"lookup":"games.*"}}', 'SERVICES.a.lookup must be a NATS subject without wildcards.'],
  ['{"a":{"renew":"a..b"}}', 'SERVICES.a.renew must be a NATS subject without wildcards.'],
  ['{"a":{"release":"a b"}}', 'SERVICES.a.release must be a NATS subject without wildcards.'],
  ['{"a":{"record_prefix":" "}}', 'SERVICES.a.record_prefix must not be blank.'],
  ['{"a":{"assign":"x","lookup":"x"}}', 'SERVICES.a.lookup must not be the subject of another operation.'],
  ['{"a":{"instance":"x"},"b":{"instance":"x"}}', 'SERVICES.b.instance must not be the subject of another operation.'],
  ['{"a":{},"b":{"lookup":"x"}}', 'SERVICES.b.record_prefix is required, since the service has lookup.'],
  [
    '{"a":{},"b":{"record_prefix":"games"}}',
    'SERVICES.b.record_prefix must not be, or begin with, the one of another service.',
  ],
  [
    '{"a":{},"b":{"record_prefix":"games:b"}}',
    'SERVICES.b.record_prefix must not be, or begin with, the one of another service.',
  ],
  [
    '{"a":{"record_prefix":"x:y"},"b":{"record_prefix":"x"}}',
    'SERVICES.b.record_prefix must not be, or begin with, the one of another service.',
  ],
])('refuses %s: %s', (SERVICES, problem) => {
  expect(problemsOf(() => read({ SERVICES }))).toEqual([problem]);
});

it('lets prefixes begin alike that no key of one can be under', () => {
  expect(readJson({ a: { record_prefix: 'games' }, b: { record_prefix: 'games-b' } })).toHaveLength(2);
});

it('tells every problem at once, by its path and with no value', () => {
  const services = { a: { assign: 'canary.*', lookup: 'canary canary' }, b: { record_prefix: '', canary: 1 } };

  const problems = problemsOf(() => readJson(services));

  expect(problems).toHaveLength(4);
  expect(problems.join(' ')).not.toContain('canary');
});

it.each(['GAME_SERVICE_NAME', 'ASSIGN_SUBJECT'])('does not take %s beside SERVICES', (name) => {
  expect(problemsOf(() => readJson({ a: { assign: 'x' } }, { [name]: 'other' }))).toEqual([
    `${name} must not be set beside SERVICES, which says it.`,
  ]);
});

it('does not give the first of the default services the name of the second', () => {
  expect(problemsOf(() => read({ GAME_SERVICE_NAME: 'ai-service' }))).toEqual([
    'GAME_SERVICE_NAME must not be the name of another service; SERVICES can say what is meant.',
  ]);
});

it.each(['a.*', '>', 'a b', '.a', 'a.'])('refuses the subject %j', (ASSIGN_SUBJECT) => {
  expect(problemsOf(() => read({ ASSIGN_SUBJECT }))).toEqual([
    'ASSIGN_SUBJECT must be a NATS subject without wildcards.',
  ]);
});
