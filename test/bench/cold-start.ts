import { setTimeout as sleep } from 'node:timers/promises';
import { type Environment, startEnvironment } from '../../dev/lambda-host/environment.ts';
import type { FunctionSpec } from '../../dev/lambda-host/service.ts';
import { cpuUsOf } from './process-cpu.ts';

/** One cold start, each from the spawning of the process. */
export interface ColdStart {
  /** Until it asks for work. */
  readonly initMs: number;
  readonly initCpuMs: number;
  /** Until its first reply is there. */
  readonly replyMs: number;
  /** Until it asks for work again, after its first reply. */
  readonly replyCpuMs: number;
  /** The reply says success. */
  readonly succeeded: boolean;
}

export interface ColdOptions {
  readonly root: string;
  readonly handler: string;
  readonly env: Readonly<Record<string, string>>;
  /** Makes the first event, as JSON text. */
  readonly event: () => string;
  /** File descriptor for its output. */
  readonly output: number;
}

const LIMIT_MS = 15_000;

/** Starts one environment, lets it answer once, and ends it. */
export async function coldStart(options: ColdOptions): Promise<ColdStart> {
  const { root, handler, env, output } = options;
  let idle = Promise.withResolvers<void>();
  const environment = await startEnvironment({
    spec: specOf(handler),
    root,
    env,
    output,
    nodePath: process.execPath,
    freeze: false,
    onIdle: () => idle.resolve(),
    onGone: (error) => idle.reject(new Error(`The environment ended: ${error?.errorMessage ?? 'no reason'}`)),
  });
  try {
    await withLimit(idle.promise);
    const initMs = environment.initMs() ?? Number.NaN;
    const initCpuMs = (await cpuUsOf(environment.pid)) / 1000;
    idle = Promise.withResolvers();
    const { ms, succeeded } = await withLimit(invoke(environment, options.event()));
    await withLimit(idle.promise);
    const replyCpuMs = (await cpuUsOf(environment.pid)) / 1000;
    return { initMs, initCpuMs, replyMs: initMs + ms, replyCpuMs, succeeded };
  } finally {
    idle.promise.catch(() => undefined);
    await environment.stop();
  }
}

function specOf(handler: string): FunctionSpec {
  const common = { name: 'assign', fullName: 'bench-local-assign', arn: 'arn:aws:lambda:local:0:function:bench' };
  return { ...common, handler, timeoutMs: 6000, memoryMb: 1769 };
}

function invoke(environment: Environment, event: string): Promise<{ ms: number; succeeded: boolean }> {
  return new Promise((resolve) => {
    const startedAtMs = performance.now();
    environment.invoke({
      requestId: crypto.randomUUID(),
      event,
      traceId: 'Root=1-00000000-000000000000000000000000;Sampled=0',
      settle: (outcome) => {
        const ms = performance.now() - startedAtMs;
        const body = outcome.kind === 'response' ? String(JSON.parse(outcome.body).body) : '';
        resolve({ ms, succeeded: body.startsWith('{"success":true') });
      },
    });
  });
}

function withLimit<T>(work: Promise<T>): Promise<T> {
  const limit = sleep(LIMIT_MS, undefined, { ref: false }).then(() => {
    throw new Error('A cold start took too long.');
  });
  return Promise.race([work, limit]);
}

/** A POST /assign as API Gateway hands it over. */
export function assignEvent(token: string): string {
  const http = { method: 'POST', path: '/assign', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'bench' };
  return JSON.stringify({
    version: '2.0',
    routeKey: 'POST /assign',
    rawPath: '/assign',
    rawQueryString: '',
    // It waits patiently: how long it takes is what is asked.
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'timeout-ms': '5000' },
    requestContext: { http, requestId: 'bench', routeKey: 'POST /assign', stage: '$default', timeEpoch: Date.now() },
    body: JSON.stringify({ game_id: crypto.randomUUID() }),
    isBase64Encoded: false,
  });
}
