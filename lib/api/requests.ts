import type * as z from 'zod/mini';
import { AssignRequest } from './assign-request.ts';
import { GameRequest } from './game-request.ts';
import { EmptyRequest, InstanceRequest } from './instance-request.ts';
import type { Op } from './op.ts';

/** What the request of each operation must be, over any door. Unknown keys are ignored. */
export const REQUESTS = {
  assign: AssignRequest,
  lookup: GameRequest,
  renew: GameRequest,
  release: GameRequest,
  instance: InstanceRequest,
  instances: EmptyRequest,
  fleet: EmptyRequest,
  explain: AssignRequest,
} as const satisfies Record<Op, z.ZodMiniType>;
