import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { dieWithParent } from '../servers/die-with-parent.ts';
import { readBody } from './read-body.ts';
import type { FunctionSpec } from './service.ts';

/** What an invocation came to. `function-error` is Lambda's X-Amz-Function-Error case. */
export type Outcome =
  | { readonly kind: 'response'; readonly body: string }
  | { readonly kind: 'function-error'; readonly error: FunctionError }
  | { readonly kind: 'throttled' };

export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

export interface Invocation {
  readonly requestId: string;
  /** The event as JSON text. */
  readonly event: string;
  readonly traceId: string;
  readonly settle: (outcome: Outcome) => void;
}

/** `returning`: it has answered and will ask for its next invocation in a moment. */
type EnvironmentState = 'starting' | 'idle' | 'busy' | 'returning' | 'gone';

export interface Environment {
  readonly pid: number;
  readonly state: () => EnvironmentState;
  /** Milliseconds from spawn to the first request for work; undefined while starting. */
  readonly initMs: () => number | undefined;
  /** Gives an idle environment its next invocation; the outcome goes to `invocation.settle`, once. */
  readonly invoke: (invocation: Invocation) => void;
  readonly stop: () => Promise<void>;
}

export interface EnvironmentOptions {
  readonly spec: FunctionSpec;
  /** LAMBDA_TASK_ROOT: the folder that handler paths are relative to. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly nodePath: string;
  /** SIGSTOP while idle, as Lambda freezes an environment between invocations. */
  readonly freeze: boolean;
  /** File descriptor for stdout and stderr, or `inherit`. */
  readonly output: number | 'inherit';
  readonly onIdle: () => void;
  /** Called once when the process has ended; `initError` is set if it never asked for work. */
  readonly onGone: (initError: FunctionError | undefined) => void;
}

/** Lambda's own limit for the init phase. */
const INIT_LIMIT_MS = 10_000;
const RUNTIME = fileURLToPath(new URL('./runtime.mjs', import.meta.url));
const INVOCATION = '/2018-06-01/runtime/invocation/';

/** Starts one environment: a process of its own with a Runtime API of its own, one invocation at a time. */
export async function startEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { spec, freeze } = options;
  let state: EnvironmentState = 'starting';
  let waiting: ServerResponse | undefined;
  let current: Invocation | undefined;
  let initError: FunctionError | undefined;
  let initMs: number | undefined;
  let limit: NodeJS.Timeout | undefined;

  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const url = request.url ?? '';
    if (url === `${INVOCATION}next`) onNext(response);
    else void readBody(request, Number.POSITIVE_INFINITY).then((body) => onPost(url, body, request, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const startedAt = performance.now();
  const child = spawnRuntime(options, (server.address() as AddressInfo).port);
  limit = setTimeout(() => {
    initError = { errorType: 'Sandbox.Timedout', errorMessage: `Init timed out after ${INIT_LIMIT_MS / 1000} seconds` };
    child.kill('SIGKILL');
  }, INIT_LIMIT_MS);
  // Also one that is frozen when the host is killed, and so cannot notice it by itself.
  dieWithParent(child);
  child.once('error', (error) => onExit(error.message));
  child.once('exit', (code, signal) => onExit(signal === null ? `exit status ${code}` : `signal: ${signal}`));

  function onNext(response: ServerResponse): void {
    clearTimeout(limit);
    initMs ??= performance.now() - startedAt;
    waiting = response;
    state = 'idle';
    options.onIdle();
    // onIdle may have handed over work at once; only an environment that is left idle is frozen.
    if (freeze && waiting !== undefined) child.kill('SIGSTOP');
  }

  function onPost(url: string, body: Buffer | undefined, request: IncomingMessage, response: ServerResponse): void {
    const text = body?.toString() ?? '';
    if (url === '/2018-06-01/runtime/init/error') initError = parseError(text, request);
    else if (current === undefined || !url.startsWith(INVOCATION + current.requestId)) {
      response.writeHead(400, { 'content-type': 'application/json' }).end('{"errorType":"InvalidRequestID"}');
      return;
    } else if (url.endsWith('/response')) settle({ kind: 'response', body: text });
    else settle({ kind: 'function-error', error: parseError(text, request) });
    response.writeHead(202, { 'content-length': 0 }).end();
  }

  function settle(outcome: Outcome): void {
    const settled = current;
    current = undefined;
    if (state === 'busy') state = 'returning';
    settled?.settle(outcome);
  }

  function onExit(how: string): void {
    if (state === 'gone') return;
    clearTimeout(limit);
    const starting = state === 'starting';
    state = 'gone';
    const errorMessage = `RequestId: ${current?.requestId ?? 'none'} Error: Runtime exited with error: ${how}`;
    const error = { errorType: 'Runtime.ExitError', errorMessage };
    settle({ kind: 'function-error', error });
    server.close();
    server.closeAllConnections();
    options.onGone(starting ? (initError ?? error) : undefined);
  }

  return {
    pid: child.pid ?? 0,
    state: () => state,
    initMs: () => initMs,
    invoke: (invocation) => {
      const response = waiting;
      if (response === undefined) throw new Error('the environment is not idle');
      waiting = undefined;
      current = invocation;
      state = 'busy';
      if (freeze) child.kill('SIGCONT');
      limit = setTimeout(() => {
        const errorMessage = `RequestId: ${invocation.requestId} Error: Task timed out after ${spec.timeoutMs / 1000} seconds`;
        settle({ kind: 'function-error', error: { errorType: 'Sandbox.Timedout', errorMessage } });
        child.kill('SIGKILL');
      }, spec.timeoutMs);
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(invocation.event),
        'lambda-runtime-aws-request-id': invocation.requestId,
        'lambda-runtime-deadline-ms': String(Date.now() + spec.timeoutMs),
        'lambda-runtime-invoked-function-arn': spec.arn,
        'lambda-runtime-trace-id': invocation.traceId,
      });
      response.end(invocation.event);
    },
    stop: () => stopProcess(child),
  };
}

function spawnRuntime(options: EnvironmentOptions, port: number): ChildProcess {
  const { spec, root, env, nodePath, output } = options;
  const name = spec.fullName;
  return spawn(nodePath, [RUNTIME], {
    cwd: root,
    stdio: ['ignore', output, output],
    // Nothing of the developer's own environment: a function gets what it is configured with, as on Lambda.
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      TZ: ':UTC',
      AWS_REGION: 'eu-central-1',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMb),
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: `local/[$LATEST]${port}`,
      ...env,
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
      LAMBDA_TASK_ROOT: root,
      _HANDLER: spec.handler,
    },
  });
}

function parseError(text: string, request: IncomingMessage): FunctionError {
  const fallback = String(request.headers['lambda-runtime-function-error-type'] ?? 'Unhandled');
  try {
    const { errorType = fallback, errorMessage = '', trace = [] } = JSON.parse(text);
    return { errorType, errorMessage, trace };
  } catch {
    return { errorType: fallback, errorMessage: text };
  }
}

/** SIGKILL also ends a process that is stopped. */
async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
