import { randomUUID } from 'node:crypto';
import type { AssignGames, Assignment, GameRequest } from '../app/assign-games.ts';
import type { ExpectedUse, Strategy } from '../app/placement.ts';
import type { Clock } from '../app/ports.ts';
import { toSelector } from '../domain/selector.ts';
import type { Allocate } from './allocate.ts';
import { AssignRequest } from './assign-request.ts';
import type { BatchItem } from './batch.ts';
import { type Failure, failureReply, type Reply } from './outcomes.ts';
import { DEFAULT_BUDGET_MS } from './request-headers.ts';
import { parseWith } from './schema.ts';

/**
 * Answers batches of operations in this process. Budgets count from the call.
 * @param strategies those that a request may ask for
 */
export function createAllocate(assignGames: AssignGames, clock: Clock, strategies: readonly Strategy[]): Allocate {
  return async (items, signal) => {
    const nowMs = clock();
    const read = items.map((item) => readItem(item, nowMs, strategies));
    const requests = read.filter((entry) => 'gameId' in entry);
    const assignments = requests.length === 0 ? [] : await assignGames(requests, signal);
    const replies = new Map(requests.map((request, index) => [request, assignments[index]]));
    return read.map((entry) => {
      if (!('gameId' in entry)) return failureReply(entry);
      const assignment = replies.get(entry);
      return assignment === undefined ? failureReply({ code: 'deadline_exceeded' }) : assignReply(assignment, entry);
    });
  };
}

function readItem(item: BatchItem, nowMs: number, strategies: readonly Strategy[]): GameRequest | Failure {
  // A relay of a newer version may send an operation that this one does not know.
  if (item.op !== 'assign') return { code: 'invalid_request', message: 'op is not known.' };
  const parsed = parseWith(AssignRequest, item.request);
  if ('failure' in parsed) return parsed.failure;
  const { game_id, settings = {} } = parsed.value;
  const { resource_level, strategy } = settings;
  if (strategy !== undefined && !strategies.includes(strategy)) {
    const message = "settings.strategy is not allowed by this allocator's configuration.";
    return { code: 'invalid_request', message };
  }
  const expected = toExpectedUse(settings);
  const require = toSelector(settings.require);
  const prefer = toSelector(settings.prefer);
  return {
    gameId: game_id,
    level: resource_level ?? 'low',
    attempt: item.attempt ?? randomUUID(),
    deadlineMs: nowMs + (item.budget_ms ?? DEFAULT_BUDGET_MS),
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

function assignReply(assignment: Assignment, request: GameRequest): Reply {
  if (assignment.kind !== 'assigned') return failureReply(toFailure(assignment.kind, request));
  const { instanceId, port, replayed, reassigned, degraded } = assignment;
  return {
    success: true,
    instance_id: instanceId,
    ...(port !== undefined && { port }),
    ...(replayed && { replayed }),
    ...(reassigned && { reassigned }),
    ...(degraded.length > 0 && { degraded }),
  };
}

function toFailure(kind: Exclude<Assignment['kind'], 'assigned'>, { require }: GameRequest): Failure {
  switch (kind) {
    case 'no_match':
      return { code: 'no_instance', message: 'No healthy instance matches settings.require.' };
    case 'no_capacity':
      if (require === undefined) return { code: kind };
      return { code: kind, message: 'Every healthy instance that matches settings.require is full.' };
    default:
      return { code: kind };
  }
}
