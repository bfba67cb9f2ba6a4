import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { type Stack, startStack } from '../../dev/stack.ts';
import {
  type Answer,
  assignOverNats,
  fastest,
  newGames,
  PATIENT_TIMEOUT_MS,
  refusals,
  type SeenReply,
} from './load.ts';

/** What the caller waits, ms. */
const CALLER_TIMEOUT_MS = 500;

let stack: Stack;
let nats: NatsConnection;

beforeAll(async () => {
  stack = await startStack({ instances: 5 });
  nats = await connect({ servers: stack.addresses.natsUrl });
});
afterAll(async () => {
  await nats?.close();
  await stack?.stop();
});
beforeEach(() => untilWell());

/**
 * Asks until `wanted` is what the replies are, five times in a row: each of the function's environments notices by
 * itself. Gives every answer on the way, and those five.
 */
async function askUntil(wanted: (reply: SeenReply) => boolean) {
  const all: Answer[] = [];
  let last: Answer[] = [];
  while (last.length < 5) {
    const answer = await assignOverNats(nats, newGames(1)[0] ?? '');
    all.push(answer);
    last = answer.reply !== undefined && wanted(answer.reply) ? [...last, answer] : [];
  }
  return { all, last };
}

/** Until a server that has just come back answers well, and not only by luck. */
async function untilWell(): Promise<void> {
  await askUntil(({ success, degraded }) => success && degraded === undefined);
}

async function ask(count: number): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const gameId of newGames(count)) answers.push(await assignOverNats(nats, gameId));
  return answers;
}

type Fault = (server: RunningServer) => { readonly heal: () => Promise<void> };

const FAULTS: readonly (readonly [string, Fault])[] = [
  [
    'killed',
    (server) => {
      server.signal('SIGKILL');
      return { heal: () => server.restart() };
    },
  ],
  [
    'stopped',
    (server) => {
      server.signal('SIGSTOP');
      return { heal: async () => server.signal('SIGCONT') };
    },
  ],
];

describe.each(FAULTS)('%s', (how, fault) => {
  it.each([
    ['prometheus', 'prometheus'],
    ['consul', 'consul'],
  ] as const)('%s: games are placed all the same, and the reply says so', async (server, name) => {
    const { heal } = fault(stack[server]);
    const { all, last } = await askUntil(({ success, degraded }) => success && degraded?.includes(name) === true);
    await heal();

    expect(refusals(all)).toEqual([]);
    expect(fastest(last)).toBeLessThan(CALLER_TIMEOUT_MS);
    await untilWell();
  });

  it('redis: refused without a record, in time', async () => {
    const { heal } = fault(stack.redis);
    const code = how === 'killed' ? 'upstream_unavailable' : 'deadline_exceeded';
    const { last } = await askUntil((reply) => reply.code === code);
    await heal();

    const refusal = { success: false, code, retryable: true, message: expect.any(String) };
    expect(last.map(({ reply }) => reply)).toEqual(last.map(() => refusal));
    expect(fastest(last)).toBeLessThan(CALLER_TIMEOUT_MS);
    await untilWell();
  });

  it('the function: refused in time', async () => {
    const { heal } = fault(stack.functions);
    const code = how === 'killed' ? 'upstream_unavailable' : 'deadline_exceeded';
    const { last } = await askUntil((reply) => reply.code === code);
    await heal();

    expect(fastest(last)).toBeLessThan(CALLER_TIMEOUT_MS);
    await untilWell();
  });

  it('one environment of the function: its neighbours answer, and it is replaced', async () => {
    const [pid = 0] = (await stack.functionStatus()).pids['batch'] ?? [];
    process.kill(pid, how === 'killed' ? 'SIGKILL' : 'SIGSTOP');
    const answers = await ask(10);
    if (how === 'stopped') process.kill(pid, 'SIGCONT');

    expect(refusals(answers)).toEqual([]);
    expect(answers.filter(({ reply }) => reply?.success).length).toBeGreaterThanOrEqual(5);
    await untilWell();
  });
});

it('answers recorded games while Consul is down', async () => {
  const [gameId = ''] = newGames(1);
  const before = await assignOverNats(nats, gameId, PATIENT_TIMEOUT_MS);
  stack.consul.signal('SIGKILL');
  const after = await assignOverNats(nats, gameId, PATIENT_TIMEOUT_MS);
  await stack.consul.restart();

  expect(after.reply).toMatchObject({ success: true, replayed: true, instance_id: before.reply?.instance_id });
});

it('finds its way back when NATS is killed and comes back', async () => {
  stack.nats.signal('SIGKILL');
  await stack.nats.restart();

  await untilWell();
});
