import * as z from 'zod/mini';
import { ExplainReplySchema, FleetReplySchema } from './insight-schemas.ts';
import { InstanceId } from './instance-id.ts';
import type { Op } from './op.ts';
import { FAILURES, type FailureCode, type FailureReply, type Reply, type SuccessReplies } from './outcomes.ts';

const CODES = Object.keys(FAILURES) as FailureCode[];

const success = { success: z.literal(true) };
const degraded = z.exactOptional(z.array(z.string()));

const GameReply = z.object({
  ...success,
  instance_id: InstanceId,
  expires_in_s: z.exactOptional(z.int().check(z.minimum(0))),
});

const Port = z.int().check(z.minimum(0), z.maximum(65_535));
const InstanceAddress = z.object({ address: z.string().check(z.minLength(1)), rest_port: Port, grpc_port: Port });

/** What each operation answers where it succeeds. */
export const SUCCESSES: { readonly [O in Op]: z.ZodMiniType<SuccessReplies[O]> } = {
  assign: z.object({
    ...success,
    instance_id: InstanceId,
    port: z.exactOptional(z.int().check(z.minimum(1), z.maximum(65_535))),
    replayed: z.exactOptional(z.literal(true)),
    reassigned: z.exactOptional(z.literal(true)),
    degraded,
  }),
  lookup: GameReply,
  renew: GameReply,
  release: z.object(success),
  instance: z.object({ ...success, instance: InstanceAddress, degraded }),
  instances: z.object({ ...success, instances: z.array(InstanceAddress), degraded }),
  fleet: FleetReplySchema,
  explain: ExplainReplySchema,
};

export const AnyFailure: z.ZodMiniType<FailureReply> = z.object({
  success: z.literal(false),
  message: z.string(),
  code: z.enum(CODES),
  retryable: z.boolean(),
});

/**
 * The reply to an operation as another process sends it, or undefined where it is none. Keys that are not ours are
 * dropped, so that none reaches a caller by accident.
 */
export function readReply(op: Op, reply: unknown): Reply | undefined {
  return z.union([SUCCESSES[op], AnyFailure]).safeParse(reply).data;
}
