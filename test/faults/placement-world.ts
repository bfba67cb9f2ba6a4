import { Redis } from 'ioredis';
import { connect } from 'nats';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import type { Stack, StackOptions } from '../../dev/stack.ts';
import { type Answer, newGames, PATIENT_TIMEOUT_MS } from '../e2e/load.ts';
import { PASS } from '../support/http-fault-proxy.ts';
import { type Checker, createChecker } from './checker.ts';
import { createWatchedCaller, type WatchedCaller } from './placement-caller.ts';
import { type ProxiedStack, startProxiedStack } from './placement-stack.ts';
import { watchStalls } from './stall-watch.ts';

export type Door = 'overNats' | 'overHttp';
export const DOORS = ['overNats', 'overHttp'] as const satisfies readonly Door[];

/** A stack with proxies before what the functions ask, callers that the checker watches, and a look into Redis. */
export interface PlacementWorld {
  readonly stack: Stack;
  readonly proxies: ProxiedStack['proxies'];
  readonly redis: Redis;
  /** Of the test that runs. */
  readonly checker: Checker;
  readonly caller: WatchedCaller;
  /** For each test: nothing is wrong any more, both doors have noticed, and there is a new checker. */
  begin(): Promise<void>;
  /** Asks for the game, until it is placed. */
  untilPlaced(gameId: string, door?: Door): Promise<Answer>;
  /** Asks for new games until the answer is what is wanted. */
  untilAnswer(wanted: (answer: Answer) => boolean, door?: Door): Promise<Answer>;
  /** The instances in the games' records, which the checker is told. */
  readRecords(gameIds: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** Kills the server, does the work, and starts it again. */
  whileKilled<T>(server: RunningServer, work: () => Promise<T>): Promise<T>;
  /** Ends the function's environments; resolves when the next call comes to a new one. */
  killEnvironments(functionName: string): Promise<void>;
  stop(): Promise<void>;
}

/** One environment behind each door: what one of them has noticed, the next call is answered by. */
const ONE_EACH = { maxEnvironments: 1, provisioned: { batch: 1, assign: 1 } };
/** Ends only what would never come, ms; before the test's own limit, so that a server that was killed is started again. */
const LIMIT_MS = 15_000;
/** No record may end by itself. */
const LASTING = { GAME_CACHE_TTL: '600' };

export async function startPlacementWorld(options: StackOptions = {}): Promise<PlacementWorld> {
  const { stack, proxies, stop } = await startProxiedStack({
    instances: 5,
    scrapeIntervalS: 1,
    ...options,
    functions: { ...ONE_EACH, ...options.functions },
    functionEnv: { ...LASTING, ...options.functionEnv },
  });
  const nats = await connect({ servers: stack.addresses.natsUrl });
  const redis = new Redis(stack.addresses.redisUrl, { retryStrategy: () => 50 });
  redis.on('error', () => undefined); // a command that fails says so itself
  let checker = createChecker();
  let caller = createWatchedCaller(nats, stack.addresses, checker);
  const stalls = watchStalls(nats, stack.addresses.natsUrl, (fromMs, toMs) => checker.stalled(fromMs, toMs));

  async function askUntil(wanted: (answer: Answer) => boolean, door: Door, gameId?: string): Promise<Answer> {
    for (const giveUpAt = performance.now() + LIMIT_MS; ; ) {
      const answer = await caller[door](gameId ?? newGames(1)[0] ?? '', PATIENT_TIMEOUT_MS);
      if (wanted(answer)) return answer;
      if (performance.now() > giveUpAt) throw new Error(`Still ${JSON.stringify(answer.reply)} ${door}`);
    }
  }

  const untilAnswer: PlacementWorld['untilAnswer'] = (wanted, door = 'overNats') => askUntil(wanted, door);

  return {
    stack,
    proxies,
    redis,
    get checker() {
      return checker;
    },
    get caller() {
      return caller;
    },
    async begin() {
      for (const proxy of Object.values(proxies)) proxy.set(PASS);
      for (const door of DOORS) {
        await untilAnswer(({ reply }) => reply?.success === true && reply.degraded === undefined, door);
      }
      caller.close();
      checker = createChecker();
      caller = createWatchedCaller(nats, stack.addresses, checker);
    },
    untilPlaced: (gameId, door = 'overNats') => askUntil(({ reply }) => reply?.success === true, door, gameId),
    untilAnswer,
    async readRecords(gameIds) {
      const records: (string | undefined)[] = [];
      for (const gameId of gameIds) {
        const sinceMs = performance.now();
        const text = await redis.get(`games:${gameId}`);
        const instanceId: string | undefined = text === null ? undefined : JSON.parse(text);
        checker.recorded(gameId, instanceId, sinceMs);
        records.push(instanceId);
      }
      return records;
    },
    async whileKilled(server, work) {
      server.signal('SIGKILL');
      try {
        return await work();
      } finally {
        await server.restart();
      }
    },
    async killEnvironments(functionName) {
      const pids = async () => (await stack.functionStatus()).pids[functionName] ?? [];
      const killed = await pids();
      for (const pid of killed) process.kill(pid, 'SIGKILL');
      while ((await pids()).some((pid) => killed.includes(pid)));
    },
    async stop() {
      stalls.close();
      redis.disconnect();
      await nats.close();
      await stop();
    },
  };
}
