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
    nats: { servers: ['nats://localhost:4222'], tls: undefined, credentials: undefined, queue: 'game-allocator' },
    assignEvents: undefined,
    maxInFlight: 1024,
    rateLimit: undefined,
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
    tls: {},
    credentials: undefined,
    queue: 'others',
  });
  expect(config.endpoints.find(({ op }) => op === 'assign')?.subject).toBe('dev.game.assign.request');
  const events = config.endpoints.filter(({ kind }) => kind === 'event').map(({ subject }) => subject);
  expect(events).toEqual(['game.over.*', 'x.*']);
  expect(config.assignEvents).toEqual({ subject: 'dev.assigned' });
  const url = new URL('https://x.example/prod/batch?y=1');
  expect(config.allocator).toEqual({ kind: 'function', url, auth: { kind: 'token', token: 'canary' }, keepWarm: 5 });
});

it.each([
  ['nats://127.0.0.1:4222', {}, undefined],
  ['nats://localhost:4222,nats://[::1]:4223', {}, undefined],
  ['nats://localhost:4222,nats://n2:4222', {}, {}],
  ['nats://127.0.0.1.example.com', {}, {}],
  ['tls://localhost:4222', {}, {}],
  ['nats://nats:4222', { NATS_TLS: 'off' }, undefined],
  ['nats://127.0.0.1:4222', { NATS_TLS: 'on' }, {}],
  ['nats://127.0.0.1:4222', { NATS_CA_FILE: 'ca.pem' }, { caFile: 'ca.pem' }],
  ['nats://nats:4222', { NATS_CA_FILE: 'ca.pem' }, { caFile: 'ca.pem' }],
])('NATS_URL %s with %j: TLS %j', (url, env, expected) => {
  expect(readRelayConfig({ NATS_URL: url, ...env }).nats.tls).toEqual(expected);
});

const SEED = `SU${'A'.repeat(56)}`;

it.each([
  [{ NATS_CREDS_FILE: '/run/x.creds' }, { kind: 'creds_file', path: '/run/x.creds' }],
  [{ NATS_NKEY_FILE: '/run/x.nk' }, { kind: 'nkey_file', path: '/run/x.nk' }],
  [{ NATS_NKEY_SEED: ` ${SEED}\n` }, { kind: 'nkey_seed', seed: SEED }],
  [
    { NATS_USER: 'u', NATS_PASSWORD: 'p' },
    { kind: 'user', user: 'u', password: 'p' },
  ],
  [{ NATS_TOKEN: 't' }, { kind: 'token', token: 't' }],
])('takes %j for NATS', (env, credentials) => {
  expect(readRelayConfig(env).nats.credentials).toEqual(credentials);
});

it.each([
  [
    { NATS_CREDS_FILE: 'canary', NATS_USER: 'canary', NATS_PASSWORD: 'canary' },
    'Only one of NATS_CREDS_FILE, NATS_USER may be set.',
  ],
  [{ NATS_TOKEN: 'canary', NATS_NKEY_SEED: SEED }, 'Only one of NATS_NKEY_SEED, NATS_TOKEN may be set.'],
  [{ NATS_USER: 'canary' }, 'NATS_PASSWORD is required with NATS_USER.'],
  [{ NATS_PASSWORD: 'canary' }, 'NATS_USER is required with NATS_PASSWORD.'],
  [{ NATS_NKEY_SEED: 'SAcanary' }, 'NATS_NKEY_SEED must be the seed of a user nkey, SU....'],
  [{ NATS_TLS: 'off', NATS_CA_FILE: 'canary' }, 'NATS_CA_FILE is of no use with NATS_TLS=off.'],
])('refuses %j by the names of the variables', (env, problem) => {
  expect(problemsOf(env)).toEqual([problem]);
});

const FUNCTION_URL = 'https://abc123.lambda-url.eu-central-1.on.aws/batch';
const LOCAL_URL = 'http://127.0.0.1:3000/batch';

it.each([
  [{ ALLOCATOR_URL: FUNCTION_URL }, { kind: 'iam', region: 'eu-central-1' }],
  [
    { ALLOCATOR_URL: FUNCTION_URL, ALLOCATOR_TOKEN: 't' },
    { kind: 'iam', region: 'eu-central-1' },
  ],
  [
    { ALLOCATOR_URL: FUNCTION_URL, AWS_REGION: 'us-east-1' },
    { kind: 'iam', region: 'eu-central-1' },
  ],
  [
    { ALLOCATOR_URL: FUNCTION_URL, ALLOCATOR_AUTH: 'token', ALLOCATOR_TOKEN: 't' },
    { kind: 'token', token: 't' },
  ],
  [{ ALLOCATOR_URL: FUNCTION_URL, ALLOCATOR_AUTH: 'none' }, { kind: 'none' }],
  [
    { ALLOCATOR_URL: LOCAL_URL, ALLOCATOR_AUTH: 'IAM', AWS_REGION: 'us-east-1' },
    { kind: 'iam', region: 'us-east-1' },
  ],
  [
    { ALLOCATOR_URL: LOCAL_URL, ALLOCATOR_TOKEN: 't' },
    { kind: 'token', token: 't' },
  ],
  [{ ALLOCATOR_URL: LOCAL_URL }, { kind: 'none' }],
  // Not AWS's: it would learn nothing of use from a signature, but it gets none.
  [{ ALLOCATOR_URL: 'https://x.lambda-url.eu-central-1.on.aws.example.com/batch' }, { kind: 'none' }],
])('goes through the door that fits %j', (env, auth) => {
  expect(readRelayConfig(env).allocator).toMatchObject({ auth });
});

it.each([
  [{ ALLOCATOR_AUTH: 'iam' }, 'AWS_REGION is required with ALLOCATOR_AUTH=iam.'],
  [{ ALLOCATOR_AUTH: 'token' }, 'ALLOCATOR_TOKEN is required with ALLOCATOR_AUTH=token.'],
  [{ ALLOCATOR_AUTH: 'canary' }, 'ALLOCATOR_AUTH must be one of iam, token, none.'],
])('refuses %j without what it needs', (env, problem) => {
  expect(problemsOf({ ALLOCATOR_URL: LOCAL_URL, ...env })).toEqual([problem]);
});

it.each([
  [{ RATE_LIMIT_PER_S: '200' }, { perS: 200, burst: 200 }],
  [{ RATE_LIMIT_PER_S: '0.5' }, { perS: 0.5, burst: 1 }],
  [
    { RATE_LIMIT_PER_S: '200', RATE_LIMIT_BURST: '5' },
    { perS: 200, burst: 5 },
  ],
])('limits requests by %j', (env, rateLimit) => {
  expect(readRelayConfig(env).rateLimit).toEqual(rateLimit);
});

it.each([{ RATE_LIMIT_PER_S: '0' }, { RATE_LIMIT_BURST: '5' }, { RATE_LIMIT_PER_S: '1', RATE_LIMIT_BURST: '0' }])(
  'refuses %j',
  (env) => {
    expect(problemsOf(env)).toEqual([expect.stringMatching(/^RATE_LIMIT_/)]);
  },
);

it('lists what is wrong with variables together, of every door at once', () => {
  const problems = problemsOf({
    NATS_TOKEN: 'canary',
    NATS_PASSWORD: 'canary',
    RELEASE_SUBJECTS: 'game.assign.*',
    RATE_LIMIT_BURST: '5',
    ALLOCATOR_URL: LOCAL_URL,
    ALLOCATOR_AUTH: 'iam',
  });

  expect(problems).toHaveLength(4);
  expect(problems.join()).not.toContain('canary');
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

it('opens the console to one token or two, and not without', () => {
  expect(readRelayConfig({}).console).toBeUndefined();
  expect(readRelayConfig({ CONSOLE_TOKEN: 'a' }).console?.hashes).toHaveLength(1);
  expect(readRelayConfig({ CONSOLE_TOKEN: 'a, b' }).console?.hashes).toHaveLength(2);
  expect(problemsOf({ CONSOLE_TOKEN: 'a b c' })).toEqual(['CONSOLE_TOKEN must have at most 2 tokens.']);
});
