/** What can be asked for, over NATS and in `POST /batch`. */
export const OPS = ['assign', 'lookup', 'renew', 'release', 'instance', 'instances'] as const;
export type Op = (typeof OPS)[number];

/** Those about one game, which has a record in Redis. */
export const GAME_OPS = ['assign', 'lookup', 'renew', 'release'] as const satisfies readonly Op[];
export type GameOp = (typeof GAME_OPS)[number];

export function isOp(text: string): text is Op {
  return OPS.some((op) => op === text);
}

export function isGameOp(op: Op): op is GameOp {
  return GAME_OPS.some((gameOp) => gameOp === op);
}
