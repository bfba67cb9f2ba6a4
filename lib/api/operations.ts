import { randomUUID } from 'node:crypto';
import type { AssignGames, Assignment } from '../app/assign-games.ts';
import type { PlacementRequest } from '../app/placement.ts';
import type { Clock } from '../app/ports.ts';
import type { Allocate } from './allocate.ts';
import { AssignRequest } from './assign-request.ts';
import type { BatchItem } from './batch.ts';
import { type Failure, failureReply, type Reply } from './outcomes.ts';
import { DEFAULT_BUDGET_MS } from './request-headers.ts';
import { parseWith } from './schema.ts';

/** Answers batches of operations in this process. Budgets count from the call. */
export function createAllocate(assignGames: AssignGames, clock: Clock): Allocate {
  return async (items, signal) => {
    const nowMs = clock();
    const read = items.map((item) => readItem(item, nowMs));
    const requests = read.filter((entry) => 'gameId' in entry);
    const assignments = requests.length === 0 ? [] : await assignGames(requests, signal);
    const replies = new Map(requests.map((request, index) => [request, assignments[index]]));
    return read.map((entry) => {
      if (!('gameId' in entry)) return failureReply(entry);
      const assignment = replies.get(entry);
      return assignment === undefined ? failureReply({ code: 'deadline_exceeded' }) : assignReply(assignment);
    });
  };
}

function readItem(item: BatchItem, nowMs: number): PlacementRequest | Failure {
  // A relay of a newer version may send an operation that this one does not know.
  if (item.op !== 'assign') return { code: 'invalid_request', message: 'op is not known.' };
  const parsed = parseWith(AssignRequest, item.request);
  if ('failure' in parsed) return parsed.failure;
  return {
    gameId: parsed.value.game_id,
    level: parsed.value.settings?.resource_level ?? 'low',
    attempt: item.attempt ?? randomUUID(),
    deadlineMs: nowMs + (item.budget_ms ?? DEFAULT_BUDGET_MS),
  };
}

function assignReply(assignment: Assignment): Reply {
  if (assignment.kind !== 'assigned') return failureReply({ code: assignment.kind });
  const { instanceId, port, replayed, degraded } = assignment;
  return {
    success: true,
    instance_id: instanceId,
    ...(port !== undefined && { port }),
    ...(replayed && { replayed }),
    ...(degraded.length > 0 && { degraded }),
  };
}
