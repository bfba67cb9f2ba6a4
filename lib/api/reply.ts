import * as z from 'zod/mini';
import { FAILURES, type FailureCode, type Reply } from './outcomes.ts';

const CODES = Object.keys(FAILURES) as FailureCode[];

const SuccessReply = z.object({
  success: z.literal(true),
  instance_id: z.string().check(z.minLength(1)),
  port: z.exactOptional(z.int().check(z.minimum(1), z.maximum(65_535))),
  replayed: z.exactOptional(z.literal(true)),
  reassigned: z.exactOptional(z.literal(true)),
  degraded: z.exactOptional(z.array(z.string())),
});

const FailureReply = z.object({
  success: z.literal(false),
  message: z.string(),
  code: z.enum(CODES),
  retryable: z.boolean(),
});

/** A reply as another process sends it. Keys that are not ours are dropped, so that none reaches a caller by accident. */
export const ReplySchema: z.ZodMiniType<Reply> = z.discriminatedUnion('success', [SuccessReply, FailureReply]);
