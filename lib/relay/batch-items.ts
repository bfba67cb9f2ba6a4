import type { Allocate } from '../api/allocate.ts';
import { type BatchItem, MAX_BATCH_ITEMS } from '../api/batch.ts';
import type { Reply } from '../api/outcomes.ts';
import type { Clock } from '../app/ports.ts';
import { UpstreamError } from '../app/upstream-error.ts';

/**
 * With this many waiting, a call goes out beside one that is under way. Fewer are better off waiting for it: calls sent
 * eagerly hold few items each, and cost more than they gain (measured: four eager ones give 0.6 times the throughput).
 */
const ENOUGH_TO_GO_BESIDE = 32;
/** A call that takes longer than this, ms, holds up nobody: an answer from a warm function is there before. */
const SLOW_MS = 25;

interface Waiting {
  readonly item: BatchItem;
  readonly signal: AbortSignal;
  readonly sinceMs: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes an Allocate for single items out of one for many: items that come while a call is under way gather, and go out
 * together when it ends. Nothing waits for company: an item that finds no call under way goes out at once, alone.
 */
export function batchItems(allocate: Allocate, clock: Clock): Allocate {
  const waiting: Waiting[] = [];
  /** When each call under way began. */
  const underWay = new Set<{ readonly sinceMs: number }>();
  let timer: NodeJS.Timeout | undefined;

  function pump(): void {
    clearTimeout(timer);
    dropForsaken();
    while (waiting.length > 0) {
      const slowInMs = Math.max(0, ...[...underWay].map(({ sinceMs }) => sinceMs + SLOW_MS - clock()));
      if (slowInMs > 0 && waiting.length < ENOUGH_TO_GO_BESIDE) {
        timer = setTimeout(pump, slowInMs);
        return;
      }
      void send(waiting.splice(0, MAX_BATCH_ITEMS));
    }
  }

  /** Items that were answered without us: whoever asked has told the caller that its time is up. */
  function dropForsaken(): void {
    for (const [index, { signal, reject }] of [...waiting.entries()].reverse()) {
      if (!signal.aborted) continue;
      waiting.splice(index, 1);
      reject(new UpstreamError('allocator', 'timeout', { outcome: 'none' }));
    }
  }

  async function send(batch: readonly Waiting[]): Promise<void> {
    const call = { sinceMs: clock() };
    underWay.add(call);
    const caller = whenAllAbort(batch.map(({ signal }) => signal));
    try {
      const items = batch.map(({ item, sinceMs }) => lessTime(item, call.sinceMs - sinceMs));
      const replies = await allocate(items, caller.signal);
      for (const [index, { resolve, reject }] of batch.entries()) {
        const reply = replies[index];
        if (reply === undefined) reject(new UpstreamError('allocator', 'invalid_body', { outcome: 'unknown' }));
        else resolve(reply);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      caller.release();
      underWay.delete(call);
      pump();
    }
  }

  function add(item: BatchItem, signal: AbortSignal): Promise<Reply> {
    return new Promise((resolve, reject) => {
      waiting.push({ item, signal, sinceMs: clock(), resolve, reject });
    });
  }

  return (items, signal) => {
    const replies = Promise.all(items.map((item) => add(item, signal)));
    pump();
    return replies;
  };
}

/** The time that the item has waited here is gone from its budget. */
function lessTime(item: BatchItem, waitedMs: number): BatchItem {
  if (item.budget_ms === undefined || waitedMs <= 0) return item;
  return { ...item, budget_ms: Math.max(0, Math.floor(item.budget_ms - waitedMs)) };
}

/** Fires when nobody waits for any part of the answer any more. */
function whenAllAbort(signals: readonly AbortSignal[]): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const check = () => {
    if (signals.every(({ aborted }) => aborted)) controller.abort();
  };
  for (const signal of signals) signal.addEventListener('abort', check);
  check();
  return {
    signal: controller.signal,
    release: () => {
      for (const signal of signals) signal.removeEventListener('abort', check);
    },
  };
}
