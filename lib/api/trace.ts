import { readTraceparent } from './request-headers.ts';

/** A caller's place in its trace, by W3C's Trace Context. It is passed on as it came: we make no spans of our own. */
export interface TraceContext {
  readonly traceparent: string;
  /** What the caller's own tracing systems add to it; nobody here reads it. */
  readonly tracestate?: string;
}

/** What goes on here is done for. */
export interface Trace {
  /** Of the first request that has one. */
  readonly context: TraceContext;
  /** Trace ids of all requests, each once and 8 of them at most: 32 hexadecimal digits each, separated by spaces. */
  readonly ids: string;
}

/** Runs `work` in `trace`, with all that it waits for; in none where that is undefined. */
export type RunInTrace = <T>(trace: Trace | undefined, work: () => T) => T;

/** For whoever has nothing to tell of traces. */
export const untraced: RunInTrace = (_trace, work) => work();

/** So many trace ids a log line has at most. */
const MOST_IDS = 8;

/** The headers `traceparent` and `tracestate` as `header` gives them. Undefined without a valid traceparent. */
export function readTrace(header: (name: 'traceparent' | 'tracestate') => string | undefined): Trace | undefined {
  const context = readContext(header('traceparent'), () => header('tracestate'));
  return context && { context, ids: idOf(context) };
}

/** The trace of requests that are carried out together; what is not valid is as good as absent. */
export function traceOf(
  requests: readonly { readonly traceparent?: string | undefined; readonly tracestate?: string | undefined }[],
): Trace | undefined {
  let first: TraceContext | undefined;
  const ids = new Set<string>();
  for (const { traceparent, tracestate } of requests) {
    if (traceparent === undefined || ids.size === MOST_IDS) continue;
    const context = readContext(traceparent, () => tracestate);
    if (context === undefined) continue;
    first ??= context;
    ids.add(idOf(context));
  }
  return first && { context: first, ids: [...ids].join(' ') };
}

function readContext(traceparent: string | undefined, tracestate: () => string | undefined): TraceContext | undefined {
  const valid = readTraceparent(traceparent);
  if (valid === undefined) return undefined;
  const state = tracestate();
  return state !== undefined && TRACESTATE.test(state)
    ? { traceparent: valid, tracestate: state }
    : { traceparent: valid };
}

/** What W3C wants passed on at least: 512 characters, which are visible or blank. */
export const TRACESTATE = /^[!-~][ -~\t]{0,511}$/;

function idOf({ traceparent }: TraceContext): string {
  return traceparent.slice(3, 35);
}
