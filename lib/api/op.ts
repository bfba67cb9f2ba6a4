/** What can be asked for, over NATS and in `POST /batch`. */
export const OPS = ['assign', 'lookup', 'renew', 'release', 'instance', 'instances', 'fleet', 'explain'] as const;
export type Op = (typeof OPS)[number];

/** Those about one game, which has a record in Redis. */
export const GAME_OPS = ['assign', 'lookup', 'renew', 'release'] as const satisfies readonly Op[];
export type GameOp = (typeof GAME_OPS)[number];

/** Those that look into the allocator, for people: they write nothing, and their answers may be large. */
const INSIGHT_OPS = ['fleet', 'explain'] as const satisfies readonly Op[];

export function isOp(text: string): text is Op {
  return OPS.some((op) => op === text);
}

export function isInsightOp(text: string): boolean {
  return INSIGHT_OPS.some((op) => op === text);
}

/** Whether only services with games have it. */
export function needsGames(op: Op): boolean {
  return isInsightOp(op) || GAME_OPS.some((gameOp) => gameOp === op);
}
