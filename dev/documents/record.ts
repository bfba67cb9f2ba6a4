import { Redis } from 'ioredis';
import { connect, type NatsConnection } from 'nats';
import { createSecret } from '../stack/create-secret.ts';
import { type Stack, startStack } from '../stack.ts';
import { type Contract, RELEASE_SUBJECT } from './contract.ts';
import { askRoute, type Door, httpsDoor, natsDoor } from './doors.ts';
import type { EventExample, Examples, HttpExample, NatsExample } from './examples.ts';
import { BATCH, FOREIGN_GAME, LATE, TOO_MANY, UNAVAILABLE, WISHES, type Wish } from './wishes.ts';

/** Ends what would never come, ms. */
const GIVE_UP_MS = 20_000;
const LIMITED_SUBJECT = 'docs.limited';

/** Brings a stack up, asks for all that there is, and gives what came back. `progress` is told a line for each step. */
export async function recordExamples(contract: Contract, progress: (line: string) => void): Promise<Examples> {
  const stack = await startStack({
    instances: 2,
    maxGames: 1,
    functions: { maxEnvironments: 1, provisioned: {} },
    functionEnv: { GAME_CACHE_TTL: '600' },
    relayEnv: { ASSIGN_EVENTS: 'true', RELEASE_SUBJECTS: RELEASE_SUBJECT, KEEP_WARM: '0' },
    onProgress: progress,
  });
  const redis = new Redis(stack.addresses.redisUrl);
  redis.on('error', () => undefined); // a command that fails says so itself
  const nats = await connect({ servers: stack.addresses.natsUrl });
  try {
    await redis.hset(`games:${FOREIGN_GAME}`, 'a', '1');
    progress('asking over NATS and over HTTPS');
    const events = watchEvents(nats, contract);
    const overNats = natsDoor(nats, contract);
    const overHttps = httpsDoor(stack.addresses, contract);
    const natsExamples = await askAll(overNats, WISHES);
    const httpsExamples = [...(await askAll(overHttps, WISHES)), ...(await askOtherRoutes(stack, contract))];
    natsExamples.push(await askTooOften(stack, nats, contract));
    natsExamples.push(...(await askInOutages(stack, overNats)));
    httpsExamples.push(...(await askInOutages(stack, overHttps)));
    await nats.flush();
    return { https: httpsExamples, nats: natsExamples, events: [...events.slice(0, 1), await tellOfAnEnd(nats)] };
  } finally {
    redis.disconnect();
    await nats.close();
    await stack.stop();
  }
}

async function askAll<Example>(door: Door<Example>, wishes: readonly Wish[]): Promise<Example[]> {
  const examples: Example[] = [];
  for (const wish of wishes) {
    const example = await door.ask(wish);
    if (example !== undefined) examples.push(example);
  }
  return examples;
}

/** Those that carry out no single operation, and one that lets nobody in. */
async function askOtherRoutes(stack: Stack, { routes }: Contract): Promise<readonly HttpExample[]> {
  const examples: HttpExample[] = [];
  for (const route of routes.filter(({ op }) => op === undefined)) {
    const wish =
      route.body === 'none' ? { name: route.functionName, request: {} } : { name: 'several at once', request: BATCH };
    examples.push(await askRoute(stack.addresses, route, wish));
  }
  const wish = { name: 'no valid token', request: { game_id: 'match-4711' } };
  for (const route of routes.filter(({ op }) => op === 'assign')) {
    examples.push(await askRoute(stack.addresses, route, wish, {}, createSecret('a wrong token')));
  }
  return examples;
}

async function askTooOften(stack: Stack, nats: NatsConnection, contract: Contract): Promise<NatsExample> {
  const relay = await stack.addRelay({
    ASSIGN_SUBJECT: LIMITED_SUBJECT,
    RATE_LIMIT_PER_S: '0.001',
    RATE_LIMIT_BURST: '1',
  });
  try {
    return await untilCode(natsDoor(nats, contract, LIMITED_SUBJECT), TOO_MANY, 'overloaded');
  } finally {
    await relay.stop();
  }
}

/** Redis's front is first stopped in the middle of its work, and then gone. */
async function askInOutages<Example extends { readonly reply: unknown }>(
  { upstash }: Stack,
  door: Door<Example>,
): Promise<readonly Example[]> {
  upstash.signal('SIGSTOP');
  const late = await untilCode(door, LATE, 'deadline_exceeded').finally(() => upstash.signal('SIGCONT'));
  upstash.signal('SIGKILL');
  const unavailable = await untilCode(door, UNAVAILABLE, 'upstream_unavailable').finally(() => upstash.restart());
  await untilCode(door, { op: 'release', name: '', request: { game_id: 'match-4714' } }, undefined);
  return [late, unavailable];
}

/** Asks until that is what it fails with; undefined: until it succeeds. */
async function untilCode<Example extends { readonly reply: unknown }>(
  door: Door<Example>,
  wish: Wish,
  code: string | undefined,
): Promise<Example> {
  for (const giveUpAtMs = performance.now() + GIVE_UP_MS; ; ) {
    const example = await door.ask(wish);
    if (example !== undefined && (example.reply as { code?: string }).code === code) return example;
    if (performance.now() > giveUpAtMs) throw new Error(`${wish.name}: still ${JSON.stringify(example?.reply)}`);
  }
}

function watchEvents(nats: NatsConnection, { nats: { eventSubject } }: Contract): readonly EventExample[] {
  const events: EventExample[] = [];
  nats.subscribe(`${eventSubject}.>`, {
    callback(_error, message) {
      events.push({ name: 'a new game', subject: message.subject, payload: message.json() });
    },
  });
  return events;
}

/** What a backend publishes: the relay answers nothing to it. */
async function tellOfAnEnd(nats: NatsConnection): Promise<EventExample> {
  const event = { name: 'a game is over', subject: RELEASE_SUBJECT.replace('*', 'match-4711'), payload: {} };
  nats.publish(event.subject, JSON.stringify(event.payload));
  await nats.flush();
  return event;
}
