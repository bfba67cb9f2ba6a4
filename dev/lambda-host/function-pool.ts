import { randomUUID } from 'node:crypto';
import {
  type Environment,
  type EnvironmentOptions,
  type FunctionError,
  type Invocation,
  type Outcome,
  startEnvironment,
} from './environment.ts';

export interface FunctionCounters {
  invocations: number;
  coldStarts: number;
  /** Invocations that ended in a function error, a timeout or a dead environment. */
  errors: number;
  throttles: number;
  /** Milliseconds that invocations ran, in all; what Lambda bills, but for the rounding of each. */
  busyMs: number;
  /** Milliseconds from spawn to the first request for work, one entry per environment, the last 100. */
  readonly initMs: number[];
}

export interface FunctionPool {
  readonly counters: FunctionCounters;
  /** Resolves when the provisioned environments have initialised, or failed to. */
  readonly ready: () => Promise<void>;
  /** Runs one invocation in a free environment, a new one, or the next that becomes free. Never rejects. */
  readonly invoke: (event: string) => Promise<Outcome>;
  readonly pids: () => number[];
  readonly stop: () => Promise<void>;
}

export type PoolOptions = Omit<EnvironmentOptions, 'onIdle' | 'onGone'> & {
  readonly maxEnvironments: number;
  /** Environments started at once and before anybody asks, as provisioned concurrency does. */
  readonly provisioned: number;
  /** Answers `throttled` instead of waiting when every environment is busy. */
  readonly throttle: boolean;
};

/** The environments of one function. */
export function createFunctionPool(options: PoolOptions): FunctionPool {
  const { maxEnvironments, throttle } = options;
  const counters: FunctionCounters = { invocations: 0, coldStarts: 0, errors: 0, throttles: 0, busyMs: 0, initMs: [] };
  const environments = new Set<Environment>();
  const queue: Invocation[] = [];
  const launches = new Set<Promise<void>>();
  let launching = 0;
  let stopped = false;

  function pump(): void {
    // The newest idle environment first, as its sockets and caches are the warmest.
    for (const environment of [...environments].reverse()) {
      if (queue.length === 0) return;
      if (environment.state() !== 'idle') continue;
      const next = queue.shift();
      if (next !== undefined) environment.invoke(timed(next));
    }
    // One that has just answered asks for work within a millisecond: counting it as coming keeps a client that
    // fires again at once from getting one new process for each of its requests.
    while (!stopped && coming() < queue.length && environments.size + launching < maxEnvironments) void launch();
  }

  /** The same, with its time under way counted. */
  function timed(invocation: Invocation): Invocation {
    const startedAtMs = performance.now();
    return {
      ...invocation,
      settle: (outcome) => {
        counters.busyMs += performance.now() - startedAtMs;
        invocation.settle(outcome);
      },
    };
  }

  function coming(): number {
    return launching + count('starting') + count('returning');
  }

  function count(state: string): number {
    let found = 0;
    for (const environment of environments) if (environment.state() === state) found += 1;
    return found;
  }

  /** Resolves when the environment has initialised, or failed to. */
  function launch(): Promise<void> {
    launching += 1;
    counters.coldStarts += 1;
    let environment: Environment | undefined;
    let initRecorded = false;
    const init = Promise.withResolvers<void>();
    const started = startEnvironment({
      ...options,
      onIdle: () => {
        init.resolve();
        const initMs = environment?.initMs();
        if (!initRecorded && initMs !== undefined) {
          initRecorded = true;
          counters.initMs.push(initMs);
          if (counters.initMs.length > 100) counters.initMs.shift();
        }
        pump();
      },
      onGone: (initError) => {
        init.resolve();
        if (environment !== undefined) environments.delete(environment);
        if (initError !== undefined) failNext(initError);
        pump();
      },
    });
    const launched = started.then(
      (running) => {
        launching -= 1;
        environment = running;
        if (running.state() !== 'gone') environments.add(running);
        pump();
      },
      (error: Error) => {
        launching -= 1;
        init.resolve();
        failNext({ errorType: 'Runtime.ExitError', errorMessage: error.message });
        pump();
      },
    );
    launches.add(launched);
    void launched.finally(() => launches.delete(launched));
    return init.promise;
  }

  /** Each init that fails takes one waiting invocation with it, so a broken bundle cannot respawn for ever. */
  function failNext(error: FunctionError): void {
    queue.shift()?.settle({ kind: 'function-error', error });
  }

  const provisioned = Array.from({ length: Math.min(options.provisioned, maxEnvironments) }, launch);

  return {
    counters,
    ready: async () => void (await Promise.all(provisioned)),
    invoke: (event) => {
      counters.invocations += 1;
      if (throttle && count('idle') + coming() <= queue.length && environments.size + launching >= maxEnvironments) {
        counters.throttles += 1;
        return Promise.resolve({ kind: 'throttled' });
      }
      return new Promise((resolve) => {
        const requestId = randomUUID();
        const traceId = `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${requestId.replaceAll('-', '').slice(0, 24)};Sampled=0`;
        queue.push({
          requestId,
          event,
          traceId,
          settle: (outcome) => {
            if (outcome.kind === 'function-error') counters.errors += 1;
            resolve(outcome);
          },
        });
        pump();
      });
    },
    pids: () => [...environments].map((environment) => environment.pid),
    stop: async () => {
      stopped = true;
      for (const waiting of queue.splice(0)) {
        waiting.settle({
          kind: 'function-error',
          error: { errorType: 'Host.Stopped', errorMessage: 'the host stops' },
        });
      }
      await Promise.all(launches);
      await Promise.all([...environments].map((environment) => environment.stop()));
    },
  };
}
