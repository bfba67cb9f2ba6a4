import type { GameOp } from '../../lib/api/op.ts';
import type { SeenReply } from '../e2e/load.ts';

/** What a caller sent. Times are on one clock of the test process, which nothing sets back: performance.now(). */
export interface SeenRequest {
  /** Of this request alone; a retry is a request of its own. */
  readonly id: string;
  readonly gameId: string;
  readonly atMs: number;
  /** How long the caller waits, ms. */
  readonly timeoutMs: number;
  /** False where it was sent without a reply subject. */
  readonly wantsReply: boolean;
  /** Default: assign. What success says of the instance counts for each of them; a release names none. */
  readonly op?: GameOp;
}

/**
 * `two_instances`: successes, or a success and the record, name different ones for one game.
 * `success_without_record`: the record was not there after a success.
 * `no_reply`, `two_replies`, `late_reply` (after the caller's own timeout).
 * `unasked_reply`: to a request that is not known, or that wanted none.
 * `not_a_reply`: a success without an instance, or a failure with one or without a code.
 */
export type ViolationKind =
  | 'two_instances'
  | 'success_without_record'
  | 'no_reply'
  | 'two_replies'
  | 'late_reply'
  | 'unasked_reply'
  | 'not_a_reply';

export interface Violation {
  readonly kind: ViolationKind;
  /** Undefined where a reply came to nobody's request. */
  readonly gameId: string | undefined;
  /** What was seen, for a person to read. */
  readonly detail: string;
}

export interface CheckerCounts {
  readonly asked: number;
  readonly replies: number;
  readonly successes: number;
  /** Failures by code. */
  readonly failures: Readonly<Record<string, number>>;
  /** Requests that wanted a reply, have none, and whose caller has given up. */
  readonly unanswered: number;
  /** Those of them that are excused, by why. */
  readonly excused: Readonly<Record<string, number>>;
  /** Replies in the last 50 ms of the caller's time, which the relay keeps for the way: in time, but used up. */
  readonly withinMargin: number;
  /** Replies after the caller's time that are no violation: excused, or the machine stood still. */
  readonly lateExcused: number;
  /** Games of which the record has been looked at. */
  readonly recordsRead: number;
}

/** Holds what was seen against the promises: one reply each, in time; one instance a game; no success without a record. */
export interface Checker {
  asked(request: SeenRequest): void;
  /** Called for every reply that arrives at that request's inbox. */
  replied(id: string, reply: SeenReply, atMs: number): void;
  /**
   * What the game's record said (undefined: there is none) when it was looked at. `sinceMs`: when the looking began;
   * successes that came later are not held against it. Default: now.
   */
  recorded(gameId: string, instanceId: string | undefined, sinceMs?: number): void;
  /**
   * The game may be placed anew from now on: it is about to be released, to expire, to be reassigned, or its record to be
   * deleted. What is under way at this moment may still belong to the time before.
   */
  newGeneration(gameId: string): void;
  /** The request may stay unanswered, or be answered late: the relay was killed or cut off while it was in flight. */
  excuse(id: string, why: string): void;
  /**
   * This machine let nobody answer from `fromMs` to `toMs`, see stall-watch.ts: a reply may be as much later as it stood
   * still between the request and the reply.
   */
  stalled(fromMs: number, toMs: number): void;
  /** Ids of requests that want a reply, have none and are not excused, also of those whose time is up. */
  unanswered(): readonly string[];
  /** All so far; a request counts as unanswered once its caller has given up. */
  violations(): readonly Violation[];
  counts(): CheckerCounts;
}

/** What the relay leaves of the caller's time for the way back, ms. */
const MARGIN_MS = 50;

interface Tracked extends SeenRequest {
  /** The game's generation when it was sent. */
  readonly generation: number;
  readonly replies: SeenReply[];
  excuse: string | undefined;
}

/** That a game was at an instance, in one of the generations from `first` to `last`. */
interface Sighting {
  readonly instanceId: string;
  readonly first: number;
  readonly last: number;
  readonly source: string;
  readonly atMs: number;
}

interface Stall {
  readonly fromMs: number;
  readonly toMs: number;
}

interface Game {
  generation: number;
  readonly sightings: Sighting[];
}

export function createChecker(clock: () => number = () => performance.now()): Checker {
  const requests = new Map<string, Tracked>();
  const games = new Map<string, Game>();
  const stalls: Stall[] = [];
  const found: Violation[] = [];
  const lateReplies: { readonly request: Tracked; readonly atMs: number }[] = [];
  const failures: Record<string, number> = {};
  const recordsRead = new Set<string>();
  let replies = 0;
  let successes = 0;
  let withinMargin = 0;

  function gameOf(gameId: string): Game {
    const known = games.get(gameId);
    if (known !== undefined) return known;
    const game = { generation: 0, sightings: [] };
    games.set(gameId, game);
    return game;
  }

  function asked(request: SeenRequest): void {
    if (requests.has(request.id)) throw new Error(`Two requests have the id ${request.id}`);
    const { generation } = gameOf(request.gameId);
    requests.set(request.id, { ...request, generation, replies: [], excuse: undefined });
  }

  function replied(id: string, reply: SeenReply, atMs: number): void {
    replies += 1;
    const request = requests.get(id);
    if (request === undefined || !request.wantsReply) {
      found.push({ kind: 'unasked_reply', gameId: request?.gameId, detail: `${id} got ${JSON.stringify(reply)}` });
    }
    if (request === undefined) return;
    const { gameId, generation } = request;
    request.replies.push(reply);
    if (request.replies.length === 2) {
      found.push({ kind: 'two_replies', gameId, detail: `${id} got ${JSON.stringify(request.replies)}` });
    }
    const afterMs = atMs - request.atMs;
    if (afterMs > request.timeoutMs) lateReplies.push({ request, atMs });
    else if (afterMs > request.timeoutMs - MARGIN_MS) withinMargin += 1;

    if (!isReply(reply, request.op)) {
      found.push({ kind: 'not_a_reply', gameId, detail: `${id} got ${JSON.stringify(reply)}` });
    } else if (reply.instance_id !== undefined) {
      successes += 1;
      const game = gameOf(gameId);
      const seen = { instanceId: reply.instance_id, first: generation, last: game.generation };
      game.sightings.push({ ...seen, source: `the reply to ${id}`, atMs });
    } else if (reply.code !== undefined) {
      failures[reply.code] = (failures[reply.code] ?? 0) + 1;
    }
  }

  function recorded(gameId: string, instanceId: string | undefined, sinceMs = clock()): void {
    recordsRead.add(gameId);
    const game = gameOf(gameId);
    const { generation, sightings } = game;
    if (instanceId !== undefined) {
      sightings.push({ instanceId, first: generation, last: generation, source: 'the record', atMs: sinceMs });
      return;
    }
    const success = sightings.find(({ first, atMs }) => first === generation && atMs <= sinceMs);
    if (success === undefined) return;
    const detail = `${success.source} named ${success.instanceId}, and there is no record`;
    found.push({ kind: 'success_without_record', gameId, detail });
  }

  function isUnanswered({ wantsReply, replies: got, atMs, timeoutMs }: Tracked): boolean {
    return wantsReply && got.length === 0 && clock() > atMs + timeoutMs;
  }

  function noReplies(): Violation[] {
    return [...requests.values()]
      .filter((request) => isUnanswered(request) && request.excuse === undefined)
      .map(({ id, gameId, timeoutMs }) => ({
        kind: 'no_reply',
        gameId,
        detail: `${id}, which waited ${timeoutMs} ms`,
      }));
  }

  /** How much later than its caller's timeout the reply was, without the time in which nothing could have answered. */
  function lateByMs(request: Tracked, atMs: number): number {
    const dueMs = request.atMs + request.timeoutMs;
    return atMs - dueMs - within(stalls, request.atMs, atMs);
  }

  function isLate({ request, atMs }: { readonly request: Tracked; readonly atMs: number }): boolean {
    return request.excuse === undefined && lateByMs(request, atMs) > 0;
  }

  function late(): Violation[] {
    return lateReplies.filter(isLate).map(({ request, atMs }) => {
      const afterMs = Math.round(atMs - request.atMs);
      const detail = `${request.id} waited ${request.timeoutMs} ms and was answered after ${afterMs}`;
      return { kind: 'late_reply', gameId: request.gameId, detail };
    });
  }

  return {
    asked,
    replied,
    recorded,
    newGeneration: (gameId) => {
      gameOf(gameId).generation += 1;
    },
    excuse: (id, why) => {
      const request = requests.get(id);
      if (request === undefined) throw new Error(`No request has the id ${id}`);
      request.excuse = why;
    },
    stalled: (fromMs, toMs) => {
      stalls.push({ fromMs, toMs });
    },
    unanswered: () =>
      [...requests.values()]
        .filter(({ wantsReply, replies: got, excuse }) => wantsReply && got.length === 0 && excuse === undefined)
        .map(({ id }) => id),
    violations: () => [...found, ...noReplies(), ...late(), ...[...games].flatMap(twoInstances)],
    counts: () => {
      const unanswered = [...requests.values()].filter(isUnanswered);
      const excused: Record<string, number> = {};
      for (const { excuse } of unanswered) if (excuse !== undefined) excused[excuse] = (excused[excuse] ?? 0) + 1;
      return {
        asked: requests.size,
        replies,
        successes,
        failures: { ...failures },
        unanswered: unanswered.length,
        excused,
        withinMargin,
        lateExcused: lateReplies.filter((reply) => !isLate(reply)).length,
        recordsRead: recordsRead.size,
      };
    },
  };
}

/** A success names an instance, unless it is a release, and a failure a code and no instance. */
function isReply({ success, instance_id, code }: SeenReply, op?: GameOp): boolean {
  if (!success) return instance_id === undefined && Boolean(code);
  return code === undefined && (op === 'release' ? instance_id === undefined : Boolean(instance_id));
}

/**
 * One instance per generation. What was under way when the game became free belongs to the time before or after, so
 * that it is wrong only where each generation that it may belong to is known to be elsewhere.
 */
function twoInstances([gameId, { sightings }]: [string, Game]): Violation[] {
  const known = new Map<number, Sighting>();
  const wrong: Violation[] = [];
  const conflict = (one: Sighting, other: Sighting) => {
    const detail = `${one.source} named ${one.instanceId}, ${other.source} ${other.instanceId}`;
    wrong.push({ kind: 'two_instances', gameId, detail });
  };
  for (const sighting of sightings.filter(({ first, last }) => first === last)) {
    const before = known.get(sighting.first);
    if (before === undefined) known.set(sighting.first, sighting);
    else if (before.instanceId !== sighting.instanceId) conflict(before, sighting);
  }
  for (const sighting of sightings.filter(({ first, last }) => first < last)) {
    const possible = Array.from({ length: sighting.last - sighting.first + 1 }, (_, n) =>
      known.get(sighting.first + n),
    );
    const elsewhere = possible.find((one) => one?.instanceId !== sighting.instanceId);
    if (possible.every((one) => one !== undefined && one.instanceId !== sighting.instanceId) && elsewhere) {
      conflict(elsewhere, sighting);
    }
  }
  return wrong;
}

/** How much of the given time is in any of `stalls`. */
function within(stalls: readonly Stall[], fromMs: number, toMs: number): number {
  let countedToMs = fromMs;
  let sumMs = 0;
  for (const stall of [...stalls].sort((one, other) => one.fromMs - other.fromMs)) {
    const endMs = Math.min(toMs, stall.toMs);
    sumMs += Math.max(0, endMs - Math.max(countedToMs, stall.fromMs));
    countedToMs = Math.max(countedToMs, endMs);
  }
  return sumMs;
}
