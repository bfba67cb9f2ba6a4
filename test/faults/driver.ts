import { Redis } from 'ioredis';
import { connect, headers, type Msg } from 'nats';
import { expect } from 'vitest';
import type { GameOp } from '../../lib/api/op.ts';
import type { SeenReply } from '../e2e/load.ts';
import { type Checker, createChecker } from './checker.ts';
import { watchStalls } from './stall-watch.ts';
import { until } from './until.ts';

export interface AskOptions {
  /** How long this caller waits, ms. With 500, the default, it does not say so, like a client that knows nothing of that. */
  readonly timeoutMs?: number;
  readonly op?: GameOp;
  /** Where a relay listens that is not to share its requests with the others; default: where all of them do. */
  readonly subject?: string;
}

/** What a caller saw of its request. */
export interface Seen {
  readonly id: string;
  readonly gameId: string;
  /** The first reply; undefined when none came in the caller's time, nor soon after it. */
  readonly reply: SeenReply | undefined;
  /** Until then, ms. */
  readonly ms: number;
}

export interface Driver {
  readonly checker: Checker;
  /** Sends one request, when connected; resolves at its reply or when its caller gives up. */
  ask(gameId: string, options?: AskOptions): Promise<Seen>;
  /** Sends one request that nobody waits for. */
  tell(gameId: string): Promise<void>;
  /** Asks for each of the games, with `workers` requests under way at once. */
  closedLoop(gameIds: readonly string[], workers: number, options?: AskOptions): Promise<readonly Seen[]>;
  /**
   * Sends `perSecond` requests a second, whether or not the earlier ones have been answered, each for the game that
   * `nextGame` names, until it names none; resolves when each has been answered or given up.
   */
  openLoop(perSecond: number, nextGame: () => string | undefined, options?: AskOptions): Promise<readonly Seen[]>;
  /** Ids of the requests that are under way: sent, not answered, and listened for. */
  underWay(): readonly string[];
  /** Waits until every request is answered or its time over, and whatever was sent a second time has arrived as well. */
  settle(): Promise<void>;
  /** Looks at the record of each game that was asked for, as other services do. */
  readRecords(): Promise<void>;
  /** `settle`, `readRecords`, and expects that no promise was broken. */
  expectPromisesKept(): Promise<void>;
  close(): Promise<void>;
}

export interface DriverOptions {
  readonly natsUrl: string;
  readonly redisUrl: string;
  /** Records under another prefix than `games`. */
  readonly recordPrefix?: string;
  /**
   * That no relay was there to take a request is its loss, unless this excuses it. A relay that is cut off from NATS or
   * that is the only one and starts again cannot take any.
   */
  readonly excuseNoResponders?: boolean;
}

const DEFAULT_TIMEOUT_MS = 500;
/** Longer than its timeout a caller listens on, so that a late reply shows as late and not as missing. */
const PATIENCE_MS = 1500;
const RECORDS_AT_ONCE = 500;
/** Nothing comes any more when nothing has come for so long, ms: what a relay does twice it does at once or at a reconnect. */
const QUIET_MS = 400;

/**
 * A crowd of callers on one raw NATS connection, each request with an inbox of its own, so that a second reply to it is
 * seen, and a checker that sees everything. Give the functions a GAME_CACHE_TTL that outlasts the test: the checker takes
 * a record that has expired for one that is missing.
 */
export async function startDriver(options: DriverOptions): Promise<Driver> {
  const { natsUrl, redisUrl, recordPrefix = 'games', excuseNoResponders = false } = options;
  const checker = createChecker();
  const nats = await connect({ servers: natsUrl, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0 });
  const redis = new Redis(redisUrl, { lazyConnect: true });
  const inbox = `_INBOX.${crypto.randomUUID()}`;
  const waiting = new Map<string, (reply: SeenReply | undefined) => void>();
  const games = new Set<string>();
  let connected = true;
  let sent = 0;
  /** When the last caller gives up. */
  let lastTimeMs = 0;
  let lastReplyMs = 0;

  nats.subscribe(`${inbox}.*`, { callback: (_error, message) => receive(message) });
  const stalls = watchStalls(nats, natsUrl, checker.stalled);
  void followConnection();

  /** What was under way when this connection broke may have been answered into the void. */
  async function followConnection(): Promise<void> {
    for await (const { type } of nats.status()) {
      if (type === 'disconnect') {
        connected = false;
        for (const id of waiting.keys()) checker.excuse(id, 'the caller was cut off');
      } else if (type === 'reconnect') {
        connected = true;
      }
    }
  }

  function receive(message: Msg): void {
    const atMs = performance.now();
    const id = message.subject.slice(inbox.length + 1);
    if (message.headers?.code === 503) {
      if (excuseNoResponders) checker.excuse(id, 'no relay was there');
      waiting.get(id)?.(undefined);
      return;
    }
    lastReplyMs = atMs;
    const reply = message.json<SeenReply>();
    checker.replied(id, reply, atMs);
    waiting.get(id)?.(reply);
  }

  async function publish(gameId: string, asked: AskOptions, wantsReply: boolean) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, op = 'assign', subject = `game.${op}.request` } = asked;
    if (!connected) await until(() => connected);
    sent += 1;
    const id = String(sent);
    const said = headers();
    if (timeoutMs !== DEFAULT_TIMEOUT_MS) said.set('Timeout-Ms', String(timeoutMs));
    games.add(gameId);
    const atMs = performance.now();
    lastTimeMs = Math.max(lastTimeMs, atMs + timeoutMs);
    checker.asked({ id, gameId, atMs, timeoutMs, wantsReply, op });
    const reply = wantsReply ? { reply: `${inbox}.${id}` } : {};
    nats.publish(subject, JSON.stringify({ game_id: gameId }), { ...reply, headers: said });
    return { id, atMs, timeoutMs };
  }

  async function ask(gameId: string, asked: AskOptions = {}): Promise<Seen> {
    const { id, atMs, timeoutMs } = await publish(gameId, asked, true);
    const reply = await new Promise<SeenReply | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), timeoutMs + PATIENCE_MS);
      waiting.set(id, (first) => {
        clearTimeout(timer);
        resolve(first);
      });
    });
    waiting.delete(id);
    return { id, gameId, reply, ms: performance.now() - atMs };
  }

  async function closedLoop(gameIds: readonly string[], workers: number, asked?: AskOptions): Promise<readonly Seen[]> {
    const seen: Seen[] = [];
    const toAsk = gameIds.values();
    async function worker(): Promise<void> {
      for (const gameId of toAsk) seen.push(await ask(gameId, asked));
    }
    await Promise.all(Array.from({ length: workers }, worker));
    return seen;
  }

  async function openLoop(perSecond: number, nextGame: () => string | undefined, asked?: AskOptions) {
    const answers: Promise<Seen>[] = [];
    const startedAtMs = performance.now();
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const due = ((performance.now() - startedAtMs) * perSecond) / 1000;
        while (answers.length < due) {
          const gameId = nextGame();
          if (gameId === undefined) {
            clearInterval(timer);
            resolve();
            return;
          }
          answers.push(ask(gameId, asked));
        }
      }, 2);
    });
    return Promise.all(answers);
  }

  async function settle(): Promise<void> {
    await until(() => connected);
    await until(() => checker.unanswered().length === 0 || performance.now() > lastTimeMs);
    await until(() => performance.now() - lastReplyMs > QUIET_MS);
    await nats.flush();
  }

  async function readRecords(): Promise<void> {
    const ids = [...games];
    for (let from = 0; from < ids.length; from += RECORDS_AT_ONCE) {
      const some = ids.slice(from, from + RECORDS_AT_ONCE);
      const sinceMs = performance.now();
      const records = await redis.mget(some.map((gameId) => `${recordPrefix}:${gameId}`));
      for (const [index, gameId] of some.entries()) {
        const record = records[index];
        checker.recorded(gameId, record ? (JSON.parse(record) as string) : undefined, sinceMs);
      }
    }
  }

  return {
    checker,
    ask,
    tell: async (gameId) => void (await publish(gameId, {}, false)),
    closedLoop,
    openLoop,
    underWay: () => [...waiting.keys()],
    settle,
    readRecords,
    async expectPromisesKept() {
      await settle();
      await readRecords();
      expect(checker.violations().slice(0, 10)).toEqual([]); // the first few tell enough
    },
    async close() {
      stalls.close();
      redis.disconnect();
      await nats.close();
    },
  };
}
