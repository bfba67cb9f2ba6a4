import type { Allocate } from '../../api/allocate.ts';
import { MAX_REQUEST_BYTES } from '../../api/assign-request.ts';
import { type BatchItem, BatchRequest, batchResponse, MAX_BATCH_BYTES, MAX_TIMEOUT_MS } from '../../api/batch.ts';
import type { Op } from '../../api/op.ts';
import { failureReply, type Reply } from '../../api/outcomes.ts';
import type { Page } from '../../api/page.ts';
import { DEFAULT_BUDGET_MS } from '../../api/request-headers.ts';
import { parseWith } from '../../api/schema.ts';
import { holdWarm, isWarming } from '../../api/warm.ts';
import type { Call, Route } from './create-handler.ts';

/** POST /assign */
export function assignRoute(allocate: Allocate): Route {
  return {
    maxBodyBytes: MAX_REQUEST_BYTES,
    run: (request, call) => carryOut(allocate, { op: 'assign', request }, call),
  };
}

const GAME_OPS: ReadonlyMap<string, Op> = new Map([
  ['GET /games/{game_id}', 'lookup'],
  ['POST /games/{game_id}/renew', 'renew'],
  ['DELETE /games/{game_id}', 'release'],
]);

/** GET /games/{game_id}, POST /games/{game_id}/renew and DELETE /games/{game_id}, of the first service. */
export function gamesRoute(allocate: Allocate): Route {
  return {
    run(_, call) {
      const op = GAME_OPS.get(call.routeKey);
      if (op === undefined) return Promise.resolve(failureReply({ code: 'not_found' }));
      return carryOut(allocate, { op, request: { game_id: call.parameters['game_id'] } }, call);
    },
  };
}

const SERVICE_OPS: ReadonlyMap<string, Op> = new Map([
  ['POST /services/{service}/instance', 'instance'],
  ['GET /services/{service}/instances', 'instances'],
]);

/** POST /services/{service}/instance and GET /services/{service}/instances */
export function servicesRoute(allocate: Allocate): Route {
  return {
    maxBodyBytes: MAX_REQUEST_BYTES,
    bodyMayBeAbsent: true,
    run(request, call) {
      const op = SERVICE_OPS.get(call.routeKey);
      if (op === undefined) return Promise.resolve(failureReply({ code: 'not_found' }));
      return carryOut(allocate, { op, service: call.parameters['service'], request }, call);
    },
  };
}

const FLEET_OPS: ReadonlyMap<string, Op> = new Map([
  ['GET /fleet', 'fleet'],
  ['POST /fleet/explain', 'explain'],
]);

/** GET /fleet and POST /fleet/explain, of the first service. */
export function fleetRoute(allocate: Allocate): Route {
  return {
    maxBodyBytes: MAX_REQUEST_BYTES,
    bodyMayBeAbsent: true,
    run(request, call) {
      const op = FLEET_OPS.get(call.routeKey);
      if (op === undefined) return Promise.resolve(failureReply({ code: 'not_found' }));
      return carryOut(allocate, { op, request }, call);
    },
  };
}

async function carryOut(allocate: Allocate, item: BatchItem, { budgetMs, signal }: Call): Promise<Reply> {
  const [reply] = await allocate([{ ...item, budget_ms: Math.max(0, budgetMs) }], signal);
  return reply ?? failureReply({ code: 'deadline_exceeded' });
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
        return batchResponse(
          batch.value.items,
          batch.value.items.map(() => ({ success: true })),
        );
      }
      const items = batch.value.items.map((item) => ({
        ...item,
        budget_ms: Math.max(0, (item.budget_ms ?? DEFAULT_BUDGET_MS) - spentMs),
      }));
      return batchResponse(items, await allocate(items, signal));
    },
  };
}

/** GET /: the console's page. It is the same for everybody and has nothing in it; what it shows it asks for with a token. */
export function consoleRoute(page: Page): Route {
  return { open: true, page, run: () => Promise.resolve({}) };
}

/** GET /health: that this function runs. It asks nobody, since anybody may ask it. */
export function healthRoute(service: string): Route {
  return {
    open: true,
    run: () => Promise.resolve({ status: 'ok', service }),
  };
}
