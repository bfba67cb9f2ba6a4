import { expect, it } from 'vitest';
import { ConfigError, type Env } from '../../lib/config/env.ts';
import { readRelayConfig } from '../../lib/config/relay-config.ts';

function problemsOf(env: Env): readonly string[] {
  try {
    readRelayConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

it('needs no variable at all', () => {
  expect(readRelayConfig({})).toMatchObject({
    title: 'Game allocator',
    port: 5005,
    nats: { servers: ['nats://localhost:4222'], tls: false, queue: 'game-allocator' },
    assignEvents: undefined,
    maxInFlight: 1024,
    allocator: { kind: 'own', config: { services: [{ name: 'game-service' }, {}], redis: { kind: 'tcp' } } },
    log: { level: 'INFO', format: 'text', traceCaller: false },
  });
});

it('reads every variable', () => {
  const config = readRelayConfig({
    APP_TITLE: 'Ours',
    PORT: '8080',
    NATS_URL: 'nats://a:4222, nats://b:4223',
    ASSIGN_SUBJECT: 'dev.game.assign.request',
    QUEUE_GROUP: 'others',
    MAX_IN_FLIGHT: '7',
    RELEASE_SUBJECTS: 'game.over.*, x.*,game.over.*',
    ASSIGN_EVENTS: 'True',
    ASSIGN_EVENT_SUBJECT: 'dev.assigned',
    ALLOCATOR_URL: 'https://x.example/prod/batch?y=1',
    ALLOCATOR_TOKEN: 'canary',
    KEEP_WARM: '5',
  });

  expect(config).toMatchObject({ title: 'Ours', port: 8080, maxInFlight: 7 });
  expect(config.nats).toEqual({
    servers: ['nats://a:4222', 'nats://b:4223'],
    tls: true,
    queue: 'others',
  });
  expect(config.endpoints.find(({ op }) => op === 'assign')?.subject).toBe('dev.game.assign.request');
  const events = config.endpoints.filter(({ kind }) => kind === 'event').map(({ subject }) => subject);
  expect(events).toEqual(['game.over.*', 'x.*']);
  expect(config.assignEvents).toEqual({ subject: 'dev.assigned' });
  const url = new URL('https://x.example/prod/batch?y=1');
  expect(config.allocator).toEqual({ kind: 'function', url, token: 'canary', keepWarm: 5 });
});

it.each([
  ['nats://127.0.0.1:4222', undefined, false],
  ['nats://localhost:4222,nats://[::1]:4223', undefined, false],
  ['nats://localhost:4222,nats://n2:4222', undefined, true],
  ['nats://127.0.0.1.example.com', undefined, true],
  ['tls://localhost:4222', undefined, true],
  ['nats://nats:4222', 'off', false],
  ['nats://127.0.0.1:4222', 'on', true],
])('NATS_URL %s with NATS_TLS %s: TLS %s', (url, tls, expected) => {
  expect(readRelayConfig({ NATS_URL: url, NATS_TLS: tls }).nats.tls).toBe(expected);
});

it('lists every problem at once, with names and without values', () => {
  const problems = problemsOf({
    PORT: 'canary1',
    NATS_URL: 'nats://user:canary2@nats:4222',
    NATS_TLS: 'canary3',
    ASSIGN_SUBJECT: 'canary4.*',
    QUEUE_GROUP: 'canary 5',
    MAX_IN_FLIGHT: '0',
    ALLOCATOR_URL: 'ftp://canary6',
    ALLOCATOR_TOKEN: ' ',
    LOG_LEVEL: 'canary7',
    RELEASE_SUBJECTS: 'canary8',
    ASSIGN_EVENTS: 'canary9',
    ASSIGN_EVENT_SUBJECT: 'canary.*',
  });

  expect(problems.map((problem) => problem.split(' ')[0]).sort()).toEqual([
    'ALLOCATOR_TOKEN',
    'ALLOCATOR_URL',
    'ASSIGN_EVENTS',
    'ASSIGN_EVENT_SUBJECT',
    'ASSIGN_SUBJECT',
    'LOG_LEVEL',
    'MAX_IN_FLIGHT',
    'NATS_TLS',
    'NATS_URL',
    'PORT',
    'QUEUE_GROUP',
    'RELEASE_SUBJECTS',
  ]);
  expect(problems.join()).not.toContain('canary');
});

it.each(['', 'http://nats:4222', 'nats:4222', 'nats://', 'nats://a,,nats://b', 'nats://a/path'])(
  'refuses NATS_URL %j',
  (url) => {
    // An empty variable is an absent one.
    expect(problemsOf({ NATS_URL: url })).toHaveLength(url === '' ? 0 : 1);
  },
);

it.each([
  [undefined, 1],
  ['0', 0],
  ['100', 100],
])('KEEP_WARM %s keeps %i environments warm', (value, expected) => {
  const env = { ALLOCATOR_URL: 'http://127.0.0.1:3000/batch', KEEP_WARM: value };
  expect(readRelayConfig(env).allocator).toMatchObject({ keepWarm: expected });
});

it.each(['-1', '101', '1.5', 'on'])('refuses KEEP_WARM %j, where there is a function to keep warm', (value) => {
  expect(problemsOf({ KEEP_WARM: value })).toEqual([]);
  const problems = problemsOf({ ALLOCATOR_URL: 'http://127.0.0.1:3000/batch', KEEP_WARM: value });
  expect(problems).toEqual([expect.stringMatching(/^KEEP_WARM /)]);
});

it('checks the variables of deciding only where the relay decides', () => {
  expect(problemsOf({ REDIS_PORT: 'x', PORT: 'x' })).toHaveLength(2);
  expect(problemsOf({ REDIS_PORT: 'x', ALLOCATOR_URL: '' })).toHaveLength(1);
  expect(problemsOf({ REDIS_PORT: 'x', ALLOCATOR_URL: 'http://127.0.0.1:3000/batch' })).toEqual([]);
});

it.each(['game.over', '*', 'game.*.over', 'game.*.*', 'game.over.>', 'game..*', 'game.over.*,', 'game over.*'])(
  'refuses RELEASE_SUBJECTS %j, of which no game_id could be told',
  (subjects) => {
    expect(problemsOf({ RELEASE_SUBJECTS: subjects })).toEqual([expect.stringMatching(/^RELEASE_SUBJECTS must be /)]);
  },
);

it.each([
  ['game.over.*,game.assign.*', ['RELEASE_SUBJECTS must not take in the subject of a request.']],
  ['ai.instances.*', ['RELEASE_SUBJECTS must not take in the subject of a request.']],
  ['game.*', []],
  ['game.assign.request.*', []],
  ['game.assig.*', []],
])('lets no request end a game, with RELEASE_SUBJECTS %s', (subjects, problems) => {
  expect(problemsOf({ RELEASE_SUBJECTS: subjects })).toEqual(problems);
});

it('tells nobody of assignments unless it is told to', () => {
  expect(readRelayConfig({ ASSIGN_EVENT_SUBJECT: 'x' }).assignEvents).toBeUndefined();
  expect(readRelayConfig({ ASSIGN_EVENTS: 'false' }).assignEvents).toBeUndefined();
  expect(readRelayConfig({ ASSIGN_EVENTS: 'true' }).assignEvents).toEqual({ subject: 'game.assigned' });
});
