import type { BatchItem } from '../api/batch.ts';
import { DEFAULT_BUDGET_MS } from '../api/request-headers.ts';

/** The same item when `passedMs` of its time is gone. */
export function lessTime(item: BatchItem, passedMs: number): BatchItem {
  if (item.budget_ms === undefined || passedMs <= 0) return item;
  return { ...item, budget_ms: Math.max(0, Math.floor(item.budget_ms - passedMs)) };
}

/** The time that the most patient of `items` has, ms. */
export function longestBudgetMs(items: readonly BatchItem[]): number {
  return items.reduce((longest, { budget_ms = DEFAULT_BUDGET_MS }) => Math.max(longest, budget_ms), 0);
}
