import { expect } from 'vitest';

/** What only our own insides, a library or another system would say. */
const INSIDES =
  /\bat \S+:\d+|node_modules|\.(ts|mjs|cjs|lua)\b|https?:|:\d{4,5}\b|zod|redis|consul|prometheus|upstash|lambda|nats\b|ECONN|EPIPE|HPE_|(Syntax|Type|Range)Error|Unexpected token|\[object|\bundefined\b|\bNaN\b|WRONG(TYPE|PASS)|NOAUTH|\bERR\b|<html/i;

/** A failure's text may say what is wrong and nothing of how this is built; and no text has a secret in it. */
export function expectNothingLeaked(text: string, secrets: readonly string[] = []): void {
  for (const secret of secrets) expect(text).not.toContain(secret);
  if (text.includes('"success":false')) expect(text).not.toMatch(INSIDES);
}
