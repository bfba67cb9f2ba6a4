import type { Allocate } from '../api/allocate.ts';
import type { BatchItem } from '../api/batch.ts';
import { UpstreamError } from '../app/upstream-error.ts';
import { longestBudgetMs } from './budgets.ts';

/**
 * Asks once for a list of instances that several items of a call want, with the time of the most patient of them: of a
 * fleet of 3,000 it has 200 KB, of which 64 would be more than a function may answer with.
 */
export function shareLists(allocate: Allocate): Allocate {
  return async (items, signal) => {
    const asked: BatchItem[] = [];
    const positions = items.map((item) => {
      const known = item.op === 'instances' ? asked.findIndex((other) => isSameList(item, other)) : -1;
      const other = asked[known];
      if (other === undefined) return asked.push(item) - 1;
      asked[known] = { ...other, budget_ms: longestBudgetMs([other, item]) };
      return known;
    });
    const replies = await allocate(asked, signal);
    return positions.map((position) => {
      const reply = replies[position];
      if (reply === undefined) throw new UpstreamError('allocator', 'invalid_body', { outcome: 'unknown' });
      return reply;
    });
  };
}

/** Its request says nothing. */
function isSameList(a: BatchItem, b: BatchItem): boolean {
  return a.op === b.op && a.service === b.service;
}
