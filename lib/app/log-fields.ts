/**
 * Every field that a log line may have, and what its value may be. The one list: a field that is not in it does not
 * compile, and is left out should it get that far, so that nothing reaches a log which nobody has looked at.
 * - `number`: a number or a boolean
 * - `word`: one word of our own, a code or the name of a step: up to 64 letters, digits, `.`, `_`, `-`, `$`
 * - `words`: several of them, separated by spaces
 * - `names`: what the configuration, Consul or Prometheus calls its subjects and instances. Never something that
 *   belongs to a request, an answer or a secret
 * - `traces`: trace ids of 32 hexadecimal digits, separated by spaces: all that a log has of what a caller sends
 */
export const LOG_FIELDS = {
  allocator: 'word',
  attempts: 'number',
  by_s: 'number',
  calls: 'number',
  connected: 'number',
  count: 'number',
  duplicates: 'number',
  failure: 'word',
  failures: 'number',
  had: 'number',
  has: 'number',
  ignored: 'number',
  in_flight: 'number',
  instances: 'names',
  lost_replies: 'number',
  metrics: 'names',
  op: 'word',
  outcome: 'word',
  parameters: 'words',
  port: 'number',
  publishes: 'number',
  queue: 'names',
  ready: 'number',
  reason: 'word',
  received: 'number',
  refused: 'number',
  replies_lost_so_far: 'number',
  requests: 'number',
  retry_in_ms: 'number',
  signal: 'word',
  source: 'word',
  step: 'word',
  subjects: 'names',
  took_ms: 'number',
  trace: 'traces',
  type: 'word',
  unusable: 'number',
  version: 'word',
} as const satisfies Record<string, 'number' | 'word' | 'words' | 'names' | 'traces'>;

type Kind<Name extends LogFieldName> = (typeof LOG_FIELDS)[Name] extends 'number' ? number | boolean : string;
export type LogFieldName = keyof typeof LOG_FIELDS;

/** Fields of a log line. Never a header, a body, a token or a URL. */
export type LogFields = { readonly [Name in LogFieldName]?: Kind<Name> | undefined };
