import type { Allocate } from '../../api/allocate.ts';
import { MAX_REQUEST_BYTES } from '../../api/assign-request.ts';
import { BatchRequest, type BatchResponse, MAX_BATCH_BYTES, MAX_TIMEOUT_MS } from '../../api/batch.ts';
import { failureReply } from '../../api/outcomes.ts';
import { DEFAULT_BUDGET_MS } from '../../api/request-headers.ts';
import { parseWith } from '../../api/schema.ts';
import { holdWarm, isWarming } from '../../api/warm.ts';
import type { Route } from './create-handler.ts';

/** POST /assign */
export function assignRoute(allocate: Allocate): Route {
  return {
    maxBodyBytes: MAX_REQUEST_BYTES,
    async run(request, { budgetMs, signal }) {
      const [reply] = await allocate([{ op: 'assign', request, budget_ms: Math.max(0, budgetMs) }], signal);
      return reply ?? failureReply({ code: 'deadline_exceeded' });
    },
  };
}

/** POST /batch: what the relay sends. Each item's failure is its own reply, so that only infrastructure is not 200. */
export function batchRoute(allocate: Allocate): Route {
  return {
    maxBodyBytes: MAX_BATCH_BYTES,
    timeLimitMs: MAX_TIMEOUT_MS,
    async run(request, { spentMs, signal }) {
      const batch = parseWith(BatchRequest, request);
      if ('failure' in batch) return failureReply(batch.failure);
      if (isWarming(batch.value.items)) {
        await holdWarm(batch.value.items, signal);
        return { v: 1, items: batch.value.items.map(() => ({ success: true })) };
      }
      const items = batch.value.items.map((item) => ({
        ...item,
        budget_ms: Math.max(0, (item.budget_ms ?? DEFAULT_BUDGET_MS) - spentMs),
      }));
      return { v: 1, items: await allocate(items, signal) } satisfies BatchResponse;
    },
  };
}

/** GET /health: that this function runs. It asks nobody, since anybody may ask it. */
export function healthRoute(service: string): Route {
  return {
    open: true,
    run: () => Promise.resolve({ status: 'ok', service }),
  };
}
