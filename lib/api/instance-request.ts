import * as z from 'zod/mini';
import { mustBe } from './schema.ts';

/** The request of instance: what the choice is to weigh, `cpu` where it does not say. */
export const InstanceRequest = z.object(
  { resource_type: z.optional(z.enum(['cpu', 'ram'], mustBe('"cpu" or "ram"'))) },
  mustBe('a JSON object'),
);

/** The request of instances and of fleet, which has nothing to say. */
export const EmptyRequest = z.object({}, mustBe('a JSON object'));
