import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isAlive } from '../../dev/stack/stack-file.ts';
import { type Stack, startStack } from '../../dev/stack.ts';
import { assignAll, newGames, type SeenReply } from './load.ts';

let stack: Stack;
let nats: NatsConnection;

beforeAll(async () => {
  stack = await startStack({ instances: 5 });
  nats = await connect({ servers: stack.addresses.natsUrl });
  await assignAll(nats, newGames(36), 16);
});
afterAll(async () => {
  await nats?.close();
  await stack?.stop();
});

/** Publishes requests with an inbox of each one's own, and counts what comes there. */
function openInboxes() {
  const inbox = `_INBOX.${crypto.randomUUID()}`;
  const replies = new Map<string, SeenReply[]>();
  const subscription = nats.subscribe(`${inbox}.*`, {
    callback: (_error, message) => {
      const number = message.subject.slice(inbox.length + 1);
      replies.set(number, [...(replies.get(number) ?? []), message.json<SeenReply>()]);
    },
  });
  return {
    replies,
    ask: (number: number, gameId: string) =>
      nats.publish('game.assign.request', JSON.stringify({ game_id: gameId }), { reply: `${inbox}.${number}` }),
    close: () => subscription.unsubscribe(),
  };
}

async function until(condition: () => boolean, limitMs = 30_000): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error('It did not come to that in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Asks for `count` games, never with more than `atOnce` of them unanswered. */
async function askAll(count: number, atOnce: number, beforeAsking: (number: number) => void = () => undefined) {
  const { replies, ask, close } = openInboxes();
  for (const [number, gameId] of newGames(count).entries()) {
    beforeAsking(number);
    await until(() => number - replies.size < atOnce);
    ask(number, gameId);
  }
  await until(() => replies.size === count);
  await nats.flush(); // whatever was sent twice has arrived by now
  close();
  return [...replies.values()];
}

it('sends exactly one reply to each of 2,000 requests with two relays, also while one of them is told to stop', async () => {
  const second = await stack.addRelay();
  const replies = await askAll(2000, 16, (number) => {
    if (number === 1000) second.signal('SIGTERM');
  });

  expect(replies.filter((each) => each.length !== 1)).toEqual([]);
  const codes = replies.flat().map(({ success, code }) => (success ? 'success' : code));
  expect(codes.filter((code) => code !== 'success' && code !== 'deadline_exceeded')).toEqual([]);
  expect(codes.filter((code) => code === 'success').length).toBeGreaterThan(1800);
  await until(() => !isAlive(second.pid));
});

it('is registered as a NATS micro service with true figures', async () => {
  const stats = (await nats.request('$SRV.STATS')).json<{ endpoints: { num_requests: number; subject: string }[] }>();

  const assign = stats.endpoints.find(({ subject }) => subject === 'game.assign.request');
  expect(assign).toMatchObject({ name: 'assign', queue_group: 'game-allocator' });
  expect(assign?.num_requests).toBeGreaterThan(0);
});
