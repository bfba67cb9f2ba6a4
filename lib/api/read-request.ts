import { randomUUID } from 'node:crypto';
import type { ExpectedUse, Strategy } from '../app/placement.ts';
import type { AssignRequest as AssignmentRequest, ServiceRequest } from '../app/service-requests.ts';
import { toSelector } from '../domain/selector.ts';
import type { AssignRequest } from './assign-request.ts';
import type { BatchItem } from './batch.ts';
import type { Op } from './op.ts';
import type { Failure } from './outcomes.ts';
import { DEFAULT_BUDGET_MS } from './request-headers.ts';
import { REQUESTS } from './requests.ts';
import { parseWith } from './schema.ts';

/**
 * What an item asks of its service, or why it cannot be asked.
 * @param nowMs when its budget begins
 * @param strategies those that a request may ask for
 */
export function readRequest(
  op: Op,
  item: BatchItem,
  nowMs: number,
  strategies: readonly Strategy[],
): ServiceRequest | Failure {
  const deadlineMs = nowMs + (item.budget_ms ?? DEFAULT_BUDGET_MS);
  switch (op) {
    case 'assign': {
      const parsed = parseWith(REQUESTS.assign, item.request);
      if ('failure' in parsed) return parsed.failure;
      return toAssign(parsed.value, item.attempt ?? randomUUID(), deadlineMs, strategies);
    }
    case 'explain': {
      const parsed = parseWith(REQUESTS.explain, item.request);
      if ('failure' in parsed) return parsed.failure;
      // Always an attempt of its own: of a game that is recorded it tells so, whoever has recorded it.
      const assign = toAssign(parsed.value, randomUUID(), deadlineMs, strategies);
      return 'code' in assign ? assign : { ...assign, op };
    }
    case 'lookup':
    case 'renew':
    case 'release': {
      const parsed = parseWith(REQUESTS[op], item.request);
      return 'failure' in parsed ? parsed.failure : { op, gameId: parsed.value.game_id, deadlineMs };
    }
    case 'instance': {
      const parsed = parseWith(REQUESTS.instance, item.request);
      if ('failure' in parsed) return parsed.failure;
      return { op: 'choose', level: parsed.value.resource_type === 'ram' ? 'high' : 'low', deadlineMs };
    }
    case 'instances': {
      const parsed = parseWith(REQUESTS.instances, item.request);
      return 'failure' in parsed ? parsed.failure : { op: 'list', deadlineMs };
    }
    case 'fleet': {
      const parsed = parseWith(REQUESTS.fleet, item.request);
      return 'failure' in parsed ? parsed.failure : { op: 'report', deadlineMs };
    }
  }
}

function toAssign(
  { game_id, settings = {} }: AssignRequest,
  attempt: string,
  deadlineMs: number,
  strategies: readonly Strategy[],
): AssignmentRequest | Failure {
  const { resource_level, strategy } = settings;
  if (strategy !== undefined && !strategies.includes(strategy)) {
    const message = "settings.strategy is not allowed by this allocator's configuration.";
    return { code: 'invalid_request', message };
  }
  const expected = toExpectedUse(settings);
  const require = toSelector(settings.require);
  const prefer = toSelector(settings.prefer);
  return {
    op: 'assign',
    gameId: game_id,
    level: resource_level ?? 'low',
    attempt,
    deadlineMs,
    ...(expected && { expected }),
    ...(strategy && { strategy }),
    ...(require && { require }),
    ...(prefer && { prefer }),
  };
}

function toExpectedUse(settings: NonNullable<AssignRequest['settings']>): ExpectedUse | undefined {
  const { cpu_cores: cpuCores, memory_bytes: memoryBytes, exact = false } = settings;
  if (cpuCores === undefined && memoryBytes === undefined) return undefined;
  return {
    ...(cpuCores !== undefined && { cpuCores }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    exact,
  };
}
