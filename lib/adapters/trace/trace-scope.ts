import { AsyncLocalStorage } from 'node:async_hooks';
import type { Allocate } from '../../api/allocate.ts';
import { type RunInTrace, type Trace, type TraceContext, traceOf } from '../../api/trace.ts';

/** Knows in which trace the work that runs now is done, across everything that it waits for. */
export interface TraceScope {
  readonly within: RunInTrace;
  /** The same Allocate, in the trace of its items; where they have none, in what `otherwise` gives. */
  traced(allocate: Allocate, otherwise?: () => Trace | undefined): Allocate;
  current(): Trace | undefined;
  /** Trace ids for a log line. */
  ids(): string | undefined;
  /** Headers for a request to another system. */
  headers(): TraceContext | undefined;
}

/** Makes one; a process has one, in its composition root. Where nothing is traced it costs a look, and no storage. */
export function createTraceScope(): TraceScope {
  const storage = new AsyncLocalStorage<Trace | undefined>();

  function within<T>(trace: Trace | undefined, work: () => T): T {
    // What was begun by traced work, such as the next batch after one, need not belong to that trace.
    return trace === storage.getStore() ? work() : storage.run(trace, work);
  }

  return {
    within,
    traced:
      (allocate, otherwise = () => undefined) =>
      (items, signal) =>
        within(traceOf(items) ?? otherwise(), () => allocate(items, signal)),
    current: () => storage.getStore(),
    ids: () => storage.getStore()?.ids,
    headers: () => storage.getStore()?.context,
  };
}
