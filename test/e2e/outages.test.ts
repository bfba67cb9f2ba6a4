import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { type Stack, startStack } from '../../dev/stack.ts';
import { type Answer, assignOverNats, fastest, newGames, refusals, type SeenReply } from './load.ts';

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

/** Asks until `wanted` is what the replies are; every answer on the way is kept. */
async function askUntil(wanted: (reply: SeenReply) => boolean): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (;;) {
    const answer = await assignOverNats(nats, newGames(1)[0] ?? '');
    answers.push(answer);
    if (answer.reply !== undefined && wanted(answer.reply)) return answers;
  }
}

/** Three in a row, since a server that has just come back may answer the first one well by luck. */
async function untilWell(): Promise<void> {
  for (let inARow = 0; inARow < 3; ) {
    const { reply } = await assignOverNats(nats, newGames(1)[0] ?? '');
    inARow = reply?.success && reply.degraded === undefined ? inARow + 1 : 0;
  }
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
    const onTheWay = await askUntil(({ degraded }) => degraded?.includes(name) === true);
    const degraded = await ask(5);
    await heal();

    expect(refusals([...onTheWay, ...degraded])).toEqual([]);
    const named = degraded.flatMap(({ reply }) => (reply?.success ? [reply.degraded] : []));
    expect(named).toEqual(named.map(() => [name]));
    expect(fastest(degraded)).toBeLessThan(CALLER_TIMEOUT_MS);
    await untilWell();
  });

  it('redis: refused without a record, in time', async () => {
    const { heal } = fault(stack.redis);
    const code = how === 'killed' ? 'upstream_unavailable' : 'deadline_exceeded';
    await askUntil((reply) => reply.code === code);
    const answers = await ask(5);
    await heal();

    expect(answers.map(({ reply }) => reply)).toEqual(
      Array.from({ length: 5 }, () => ({ success: false, code, retryable: true, message: expect.any(String) })),
    );
    expect(fastest(answers)).toBeLessThan(CALLER_TIMEOUT_MS);
    await untilWell();
  });

  it('the function: refused in time', async () => {
    const { heal } = fault(stack.functions);
    const code = how === 'killed' ? 'upstream_unavailable' : 'deadline_exceeded';
    await askUntil((reply) => reply.code === code);
    const answers = await ask(5);
    await heal();

    expect(answers.map(({ reply }) => reply?.code)).toEqual(Array.from({ length: 5 }, () => code));
    expect(fastest(answers)).toBeLessThan(CALLER_TIMEOUT_MS);
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
  const before = await assignOverNats(nats, gameId);
  stack.consul.signal('SIGKILL');
  const after = await assignOverNats(nats, gameId);
  await stack.consul.restart();

  expect(after.reply).toMatchObject({ success: true, replayed: true, instance_id: before.reply?.instance_id });
});

it('finds its way back when NATS is killed and comes back', async () => {
  stack.nats.signal('SIGKILL');
  await stack.nats.restart();

  await untilWell();
});
