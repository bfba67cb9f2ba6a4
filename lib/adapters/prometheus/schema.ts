import * as z from 'zod/mini';

/** An answer of /api/v1/query, with status 200 or with an error's. */
export const QueryAnswer = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('success'),
    data: z.object({ resultType: z.literal('vector'), result: z.array(z.unknown()) }),
    warnings: z.nullish(z.array(z.unknown())),
  }),
  z.object({ status: z.literal('error'), errorType: z.optional(z.string()) }),
]);

/** An element of a vector: its labels, the time of evaluation and the value as text. */
export const VectorElement = z.object({
  metric: z.record(z.string(), z.string()),
  value: z.tuple([z.number(), z.string()]),
});
