import type { Allocate } from '../api/allocate.ts';
import { isInsightOp } from '../api/op.ts';

/**
 * Makes an Allocate that sends what looks into the allocator by a way of its own: its answers are large and slow, and a
 * batch is answered when the last of its items is. Games had to wait for them, and what is learned of how long calls
 * take would be wrong.
 */
export function insightApart(games: Allocate, insight: Allocate): Allocate {
  return (items, signal) => (items.some(({ op }) => isInsightOp(op)) ? insight : games)(items, signal);
}
