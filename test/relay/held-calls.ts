import { vi } from 'vitest';
import type { Allocate } from '../../lib/api/allocate.ts';
import type { BatchItem } from '../../lib/api/batch.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';

export interface HeldCall {
  readonly items: readonly BatchItem[];
  readonly signal: AbortSignal;
  /** Answers every item with `by` as its instance. */
  answer(by?: string): Promise<void>;
  fail(error: unknown): Promise<void>;
}

/** An Allocate whose calls stay open until the test ends them, or until they are told to stop, as a real client does. */
export function heldCalls() {
  const calls: HeldCall[] = [];
  const allocate: Allocate = (items, signal) =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new UpstreamError('allocator', 'timeout')));
      calls.push({
        items,
        signal,
        answer: (by = 'i') => settle(() => resolve(items.map(() => ({ success: true, instance_id: by })))),
        fail: (error) => settle(() => reject(error)),
      });
    });
  return { calls, allocate };
}

async function settle(end: () => void): Promise<void> {
  end();
  await vi.advanceTimersByTimeAsync(0);
}

export const ITEMS: readonly BatchItem[] = [
  { op: 'assign', request: { game_id: 'a' }, budget_ms: 200, attempt: 'p-1' },
  { op: 'assign', request: { game_id: 'b' }, budget_ms: 435, attempt: 'p-2' },
];

/** What became of a promise, without waiting for it. */
export function outcomeOf<T>(promise: Promise<T>): { value?: T; error?: unknown } {
  const outcome: { value?: T; error?: unknown } = {};
  promise.then(
    (value) => (outcome.value = value),
    (error: unknown) => (outcome.error = error),
  );
  return outcome;
}
