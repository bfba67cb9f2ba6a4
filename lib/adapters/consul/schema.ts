import * as z from 'zod/mini';

/** What is needed of one element of /v1/health/service/:name; everything else in it is left unread. */
export const ServiceEntry = z.object({
  Node: z.object({ Address: z.optional(z.string()) }),
  Service: z.object({
    ID: z.string(),
    Address: z.optional(z.string()),
    Port: z.optional(z.unknown()),
    Tags: z.optional(z.unknown()),
    Meta: z.nullish(z.record(z.string(), z.unknown())),
  }),
  // null where there are none; absent is another shape, and an instance of unknown health.
  Checks: z.nullable(z.array(z.object({ CheckID: z.string(), Status: z.string() }))),
});
export type ServiceEntry = z.infer<typeof ServiceEntry>;
