import type { Log } from '../app/ports.ts';
import { isOp } from './op.ts';
import type { Reply } from './outcomes.ts';

/** Tells of one answered request, at DEBUG: the relay and the functions alike. `op`: as it was asked for, any text. */
export function logReply(log: Log, op: string, reply: Reply, tookMs: number): void {
  log.debug('request_answered', {
    op: isOp(op) ? op : 'unknown',
    outcome: reply.success ? 'success' : reply.code,
    took_ms: Math.round(tookMs * 10) / 10,
  });
}
