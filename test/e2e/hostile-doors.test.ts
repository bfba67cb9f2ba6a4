import { readFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from '../../dev/stack.ts';
import { FAILURES } from '../../lib/api/outcomes.ts';
import { type BodyCase, ENVELOPE_BODIES, type Expected, GAME_ID_BODIES, JSON_BODIES } from '../hostile/body-cases.ts';
import { type Doors, openDoors, type Seen } from '../hostile/doors.ts';
import { ENVELOPE_CASES, type EnvelopeCase, PACKING_CASES } from '../hostile/envelope-cases.ts';
import { connectRawNats, type RawNats } from '../hostile/raw-nats.ts';
import { newGames } from './load.ts';

let stack: Stack;
let redis: Redis;
let nats: RawNats;
let doors: Doors;
let relayPid: number;
let functionPids: readonly number[];

beforeAll(async () => {
  // Records outlive the whole file, so that what was written can be told from what was not.
  // The decision log names games on purpose.
  const functionEnv = { GAME_CACHE_TTL: '3600', DECISION_LOG: 'off' };
  stack = await startStack({ instances: 5, functionEnv });
  redis = new Redis(stack.addresses.redisUrl);
  nats = await connectRawNats(stack.addresses.natsUrl);
  doors = openDoors(stack, redis, nats);
  relayPid = stack.relay.pid;
  functionPids = await environments();
});
afterAll(async () => {
  nats?.close();
  redis?.disconnect();
  await stack?.stop();
});

async function environments(): Promise<readonly number[]> {
  return Object.values((await stack.functionStatus()).pids).flat();
}

/** Whatever came before, the same processes answer the next good request, and nothing was answered twice. */
afterEach(async () => {
  const [gameId = ''] = newGames(1);
  const payload = JSON.stringify({ game_id: gameId });
  const first = await doors.overNats({ payload });
  const second = await doors.overHttps({ body: payload });

  expect(first.json).toEqual({ success: true, instance_id: expect.any(String), port: expect.any(Number) });
  expect(second.json).toMatchObject({ replayed: true, instance_id: first.json['instance_id'] });
  expect(stack.relay.pid).toBe(relayPid);
  expect(process.kill(relayPid, 0)).toBe(true);
  expect(await environments()).toEqual(expect.arrayContaining([...functionPids]));
  const inboxes = [...nats.received].filter(([subject]) => subject.startsWith('_INBOX.raw'));
  expect(inboxes.filter(([, replies]) => replies.length !== 1)).toEqual([]);
});

function expectReply({ status, json }: Seen, expected: Expected): void {
  if ('game' in expected) {
    expect(json).toMatchObject({ success: true });
    return;
  }
  const { code, message } = expected;
  expect(json).toEqual({ success: false, code, message, retryable: FAILURES[code].retryable });
  expect(status).toBe(FAILURES[code].status);
}

async function expectAlike({ bodies }: BodyCase): Promise<void> {
  for (const [body, expected] of bodies) {
    const before = await doors.recorded();

    const overNats = await doors.overNats({ payload: body });
    // Labelled as text, bytes are decoded before they reach a function, and what is no UTF-8 is replaced on the way.
    const headers = typeof body === 'string' ? {} : { 'content-type': 'application/octet-stream' };
    const overHttps = await doors.overHttps({ body, headers });

    expectReply(overNats, expected);
    expectReply(overHttps, expected);
    const wanted = 'game' in expected ? [expected.game] : [];
    expect(new Set(await doors.recorded())).toEqual(new Set([...before, ...wanted]));
    if (!('game' in expected)) continue;
    expect(await redis.get(`games:${expected.game}`)).toBe(JSON.stringify(overNats.json['instance_id']));
    expect(overHttps.json).toMatchObject({ replayed: true, instance_id: overNats.json['instance_id'] });
  }
}

async function expectDone({ run }: EnvelopeCase): Promise<void> {
  await run(doors);

  expect((await doors.recorded()).filter((gameId) => gameId.endsWith('-none'))).toEqual([]);
}

describe('what is around a request', () => {
  it.each(ENVELOPE_CASES)('$name', expectDone);
  it.each(ENVELOPE_BODIES)('$name', expectAlike);
});

describe('what is no request', () => {
  it.each(JSON_BODIES)('$name', expectAlike);
  it.each(PACKING_CASES)('$name', expectDone);
});

describe('game ids', () => {
  it.each(GAME_ID_BODIES)('$name', expectAlike);

  it('are not in the logs, and no token is', async () => {
    const logs = await Promise.all([stack.relay, stack.functions].map(({ logFile }) => readFile(logFile, 'utf8')));

    const { assignToken, upstashToken } = stack.addresses;
    for (const secret of ['jndi', '<script>', '{{7*7}}', 'c49', assignToken, upstashToken]) {
      for (const log of logs) expect(log).not.toContain(secret);
    }
    expect(logs[0]).toContain('nats_subscribed');
    expect(logs[0]).not.toContain('nats_disconnected');
    for (const log of logs) expect(log).not.toMatch(/unhandled|handler_failed|nats_message_not_handled/);
  });
});
