import type { StackAddresses } from '../../dev/stack.ts';
import type { GameOp } from '../../lib/api/op.ts';
import { newGames, type SeenReply } from '../e2e/load.ts';
import type { Driver } from '../faults/driver.ts';
import { createRandom } from '../support/random.ts';
import { type FaultWindow, whyUnanswered, whyUnansweredOverHttp } from './excuses.ts';
import type { Seen } from './verdict.ts';

export interface LoadOptions {
  readonly driver: Driver;
  readonly addresses: StackAddresses;
  readonly perSecond: number;
  readonly seed: string;
  readonly windows: () => readonly FaultWindow[];
}

export interface Load {
  readonly seen: readonly Seen[];
  readonly excused: Readonly<Record<string, number>>;
  /** All games may be placed anew from now on. */
  forgetAll(): void;
  /** Resolves when each request has been answered or given up. */
  stop(): Promise<void>;
}

/** A game that has been asked for. */
interface Game {
  readonly id: string;
  /** Requests for it that are under way. */
  underWay: number;
}

const TIMEOUT_MS = 500;
const TICK_MS = 2;
/** Games that are asked for again; older ones are left in peace, and looked at when it ends. */
const MOST_GAMES = 2000;
const OVER_HTTPS = 0.05;

/** Of a hundred requests: for a new game, for one that has been asked for, and what else is asked of those. */
const MIX: readonly (readonly [share: number, what: GameOp | 'new'])[] = [
  [25, 'new'],
  [30, 'assign'],
  [15, 'lookup'],
  [10, 'renew'],
  [20, 'release'],
];

const ROUTES: Readonly<Record<GameOp, (gameId: string) => { method: string; path: string; body?: string }>> = {
  assign: (gameId) => ({ method: 'POST', path: '/assign', body: JSON.stringify({ game_id: gameId }) }),
  lookup: (gameId) => ({ method: 'GET', path: `/games/${gameId}` }),
  renew: (gameId) => ({ method: 'POST', path: `/games/${gameId}/renew` }),
  release: (gameId) => ({ method: 'DELETE', path: `/games/${gameId}` }),
};

/** Open-loop load: so many requests a second whatever becomes of the earlier ones, and a checker that sees them all. */
export function startLoad({ driver, addresses, perSecond, seed, windows }: LoadOptions): Load {
  const { checker } = driver;
  const random = createRandom(`load ${seed}`);
  const seen: Seen[] = [];
  const excused: Record<string, number> = {};
  const games: Game[] = [];
  /** Ids of games that have been released and may come again. */
  const released: string[] = [];
  const everyId = new Set<string>();
  const underWay = new Set<Promise<void>>();
  let generation = 0;
  let httpRequests = 0;

  function excuse(id: string, why: string | undefined): void {
    if (why === undefined) return;
    checker.excuse(id, why);
    excused[why] = (excused[why] ?? 0) + 1;
  }

  async function overNats(op: GameOp, gameId: string): Promise<SeenReply | undefined> {
    const { id, reply, ms } = await driver.ask(gameId, { op });
    const nowMs = performance.now();
    const inTime = reply !== undefined && ms <= TIMEOUT_MS;
    if (!inTime) excuse(id, whyUnanswered({ fromMs: nowMs - ms, toMs: nowMs }, windows()));
    seen.push({ op, door: 'nats', sentMs: nowMs - ms, ms, outcome: outcomeOf(reply) });
    return reply;
  }

  async function overHttp(op: GameOp, gameId: string): Promise<SeenReply | undefined> {
    httpRequests += 1;
    const id = `https ${httpRequests}`;
    const sentMs = performance.now();
    checker.asked({ id, gameId, op, atMs: sentMs, timeoutMs: TIMEOUT_MS, wantsReply: true });
    const reply = await post(op, gameId);
    const nowMs = performance.now();
    const inTime = reply !== undefined && nowMs - sentMs <= TIMEOUT_MS;
    if (!inTime) excuse(id, whyUnansweredOverHttp({ fromMs: sentMs, toMs: nowMs }, windows()));
    if (reply !== undefined) checker.replied(id, reply, nowMs);
    seen.push({ op, door: 'https', sentMs, ms: nowMs - sentMs, outcome: outcomeOf(reply) });
    return reply;
  }

  /** The reply, if one came that is ours: what API Gateway says of a function that broke down is none. */
  async function post(op: GameOp, gameId: string): Promise<SeenReply | undefined> {
    const { method, path, body } = ROUTES[op](gameId);
    try {
      const response = await fetch(new URL(path, addresses.assignUrl), {
        method,
        headers: { authorization: `Bearer ${addresses.assignToken}` },
        ...(body !== undefined && { body }),
        signal: AbortSignal.timeout(4 * TIMEOUT_MS),
      });
      const reply = (await response.json()) as SeenReply;
      return typeof reply.success === 'boolean' ? reply : undefined;
    } catch {
      return undefined;
    }
  }

  async function ask(op: GameOp, game: Game): Promise<void> {
    if (op === 'release') {
      games.splice(games.indexOf(game), 1);
      checker.newGeneration(game.id);
    }
    const before = generation;
    const sentMs = performance.now();
    game.underWay += 1;
    const reply = await (random.uniform() < OVER_HTTPS ? overHttp : overNats)(op, game.id);
    game.underWay -= 1;
    if (op === 'release') {
      // What became of it otherwise is not known, and whoever asked for the game might be given what is just released.
      if (reply?.success) released.push(game.id);
    } else if (reply?.code === 'not_found' && generation === before && games.includes(game)) {
      checker.recorded(game.id, undefined, sentMs);
    }
  }

  function next(): Promise<void> | undefined {
    const what = drawOf(MIX, random.uniform());
    if (what === 'new' || games.length === 0) {
      const [id = ''] = released.length > 0 && random.uniform() < 0.3 ? released.splice(0, 1) : newGames(1);
      const game = { id, underWay: 0 };
      everyId.add(id);
      games.push(game);
      if (games.length > MOST_GAMES) games.shift();
      return ask('assign', game);
    }
    const game = games[random.whole(games.length)];
    if (game === undefined) return undefined;
    // Who ends a game does not ask for it at the same time.
    return ask(what === 'release' && game.underWay > 0 ? 'lookup' : what, game);
  }

  const startedAtMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAtMs) * perSecond) / 1000;
    for (; sent < due; sent += 1) {
      const request = next();
      if (request === undefined) continue;
      underWay.add(request);
      void request.finally(() => underWay.delete(request));
    }
  }, TICK_MS);

  return {
    seen,
    excused,
    forgetAll() {
      generation += 1;
      for (const id of everyId) checker.newGeneration(id);
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

function outcomeOf(reply: SeenReply | undefined): string {
  if (reply === undefined) return 'none';
  return reply.success ? 'success' : (reply.code ?? 'no code');
}

function drawOf<T>(mix: readonly (readonly [share: number, what: T])[], draw: number): T {
  let left = draw * mix.reduce((sum, [share]) => sum + share, 0);
  for (const [share, what] of mix) {
    left -= share;
    if (left < 0) return what;
  }
  throw new Error('unreachable: draw is below 1');
}
