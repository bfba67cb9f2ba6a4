import type * as z from 'zod/mini';
import type { $ZodIssue } from 'zod/v4/core';
import type { Failure } from './outcomes.ts';

/** Error text for a value of the wrong type, as the rest of a sentence that begins with the field's name. */
export function mustBe(what: string): { error: (issue: { input?: unknown }) => string } {
  return { error: (issue) => (issue.input === undefined ? 'is required' : `must be ${what}`) };
}

export type Parsed<T> = { readonly value: T } | { readonly failure: Failure };

/** Checks `input` against one of our own wire schemas; a failure names the first wrong field in the caller's words. */
export function parseWith<T>(schema: z.ZodMiniType<T>, input: unknown): Parsed<T> {
  const result = schema.safeParse(input);
  if (result.success) return { value: result.data };
  const issue: $ZodIssue | undefined = result.error.issues[0];
  const field = issue?.path.map(String).join('.') || 'The request';
  return { failure: { code: 'invalid_request', message: `${field} ${issue?.message ?? 'is not valid'}.` } };
}

/** Reads JSON text in UTF-8; anything else is the caller's mistake. */
export function parseJson(body: Uint8Array): Parsed<unknown> {
  try {
    // ignoreBOM keeps a byte order mark, which JSON does not allow: what is not JSON is refused, not repaired.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { failure: { code: 'invalid_request', message: 'The request must be JSON text in UTF-8.' } };
  }
}
