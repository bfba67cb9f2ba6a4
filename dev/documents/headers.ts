import { MAX_TIMEOUT_MS } from '../../lib/api/batch.ts';
import { DEFAULT_TIMEOUT_MS, MIN_TIMEOUT_MS, TRACEPARENT } from '../../lib/api/request-headers.ts';
import { TRACESTATE } from '../../lib/api/trace.ts';

/** A header of a request or of its answer. */
export interface HeaderText {
  readonly name: string;
  readonly description: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

export const TIMEOUT: HeaderText = {
  name: 'Timeout-Ms',
  description: 'How long the caller waits, in milliseconds. The answer comes before that.',
  schema: { type: 'integer', minimum: MIN_TIMEOUT_MS, maximum: MAX_TIMEOUT_MS, default: DEFAULT_TIMEOUT_MS },
};

export const TRACE: readonly HeaderText[] = [
  {
    name: 'traceparent',
    description:
      "The caller's place in its trace (W3C Trace Context). Passed on as it came; what is not valid is dropped.",
    schema: { type: 'string', pattern: TRACEPARENT.source },
  },
  {
    name: 'tracestate',
    description: 'Passed on with it, up to 512 characters.',
    schema: { type: 'string', pattern: TRACESTATE.source },
  },
];

export const ANSWERED_TRACE: HeaderText = {
  name: 'traceparent',
  description: "The request's own, where it had a valid one.",
  schema: { type: 'string', pattern: TRACEPARENT.source },
};
