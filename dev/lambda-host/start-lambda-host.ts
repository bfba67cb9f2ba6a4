import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type IamKeys, signatureProblem } from './check-signature.ts';
import { createFunctionPool, type FunctionCounters, type FunctionPool } from './function-pool.ts';
import { httpEvent, writeHttpResponse, writeJson } from './http-event.ts';
import { readBody } from './read-body.ts';
import { matchRoute, readService } from './service.ts';

export interface LambdaHostOptions {
  /** The folder with serverless.yml, and the one that its handler paths are relative to. Default: this project. */
  readonly root?: string;
  /** The functions' environment variables; nothing of the host's own environment is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Environments (processes) per function, default 4. An invocation beyond that waits for a free one. */
  readonly maxEnvironments?: number;
  /** Environments per function, by its name, that are ready before the first invocation. Default: none. */
  readonly provisioned?: Readonly<Record<string, number>>;
  /** SIGSTOP environments between invocations, as Lambda freezes them. */
  readonly freeze?: boolean;
  /** 429 at once for an invocation that would have to wait. */
  readonly throttle?: boolean;
  /**
   * Requests to the function URL arrive as if IAM had let them in (`requestContext.authorizer.iam`): with `true` all of
   * them; with keys those that are signed with them, and others get AWS's 403.
   */
  readonly iam?: boolean | IamKeys;
  /** How long a request to the function URL is under way before anything is done with it, as over a network. */
  readonly delayMs?: number;
  /** Ports of the HTTP API and of the function URL; default: free ones. */
  readonly port?: number;
  readonly functionUrlPort?: number;
  /** Where the functions' output is appended; default: this process's own output. */
  readonly logFile?: string;
  /** The Node binary of the environments; default: the one that runs the host. */
  readonly nodePath?: string;
}

export interface LambdaHost {
  /** Origin of the HTTP API and of the plain invoke endpoint, without a slash at its end. */
  readonly url: string;
  /** The function URL with a slash at its end, or undefined if no function has one. */
  readonly functionUrl: string | undefined;
  /** Process ids of the environments, of one function or of all. */
  readonly pids: (functionName?: string) => number[];
  readonly counters: Readonly<Record<string, Readonly<FunctionCounters>>>;
  readonly stop: () => Promise<void>;
}

/** Answered as JSON to `GET /__host`; both by function name. */
export interface LambdaHostStatus {
  readonly pids: Readonly<Record<string, readonly number[]>>;
  readonly counters: Readonly<Record<string, Readonly<FunctionCounters>>>;
}

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
/** Lambda's limit for a synchronous payload. */
const PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024;
/** Not Lambda's: what `LambdaHostStatus` says, for whoever runs the host as a process of its own. */
const STATUS_PATH = '/__host';
const INVOKE_PATH = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;

/** Starts the local Lambda: an HTTP API, the function URL and the plain invoke endpoint before real processes. */
export async function startLambdaHost(options: LambdaHostOptions = {}): Promise<LambdaHost> {
  const root = options.root ?? PROJECT;
  const service = await readService(join(root, 'serverless.yml'));
  const logFile = options.logFile === undefined ? undefined : openSync(options.logFile, 'a');
  const pools = new Map<string, FunctionPool>();
  for (const spec of service.functions) {
    const pool = createFunctionPool({
      spec,
      root,
      env: options.env ?? {},
      nodePath: options.nodePath ?? process.execPath,
      freeze: options.freeze ?? false,
      output: logFile ?? 'inherit',
      maxEnvironments: options.maxEnvironments ?? 4,
      provisioned: options.provisioned?.[spec.name] ?? 0,
      throttle: options.throttle ?? false,
    });
    pools.set(spec.name, pool);
  }
  // Lambda knows a function by its full name; its key in serverless.yml is accepted too.
  const byAnyName = new Map(pools);
  for (const { name, fullName } of service.functions) {
    const pool = pools.get(name);
    if (pool !== undefined) byAnyName.set(fullName, pool);
  }

  const counters = Object.fromEntries([...pools].map(([name, pool]) => [name, pool.counters]));

  function status(): LambdaHostStatus {
    return { pids: Object.fromEntries([...pools].map(([name, pool]) => [name, pool.pids()])), counters };
  }

  async function onApiRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path, query] = splitUrl(request);
    const invoked = INVOKE_PATH.exec(path)?.[1];
    if (invoked !== undefined) return onPlainInvoke(byAnyName.get(decodeURIComponent(invoked)), request, response);
    if (path === STATUS_PATH) return writeJson(response, 200, status());
    const body = await readBody(request, PAYLOAD_LIMIT_BYTES);
    const match = matchRoute(service.routes, request.method ?? 'GET', path);
    const pool = match === undefined ? undefined : pools.get(match.route.functionName);
    if (match === undefined || pool === undefined) return writeJson(response, 404, { message: 'Not Found' });
    if (body === undefined) return writeJson(response, 413, { message: 'Request Entity Too Large' });
    const { route, parameters } = match;
    const event = httpEvent(request, { routeKey: route.routeKey, path, query, parameters, body });
    writeHttpResponse(response, await pool.invoke(event));
  }

  async function onFunctionUrlRequest(pool: FunctionPool, request: IncomingMessage, response: ServerResponse) {
    const [path, query] = splitUrl(request);
    const body = await readBody(request, PAYLOAD_LIMIT_BYTES);
    if (body === undefined) return writeJson(response, 413, { Message: 'Request Entity Too Large' });
    if (options.delayMs !== undefined) await sleep(options.delayMs);
    const { iam = false } = options;
    const problem = typeof iam === 'boolean' ? undefined : signatureProblem(request, body, iam, Date.now());
    if (problem !== undefined) return writeJson(response, 403, { Message: problem });
    const event = httpEvent(request, { routeKey: '$default', path, query, body, iam: iam !== false });
    writeHttpResponse(response, await pool.invoke(event));
  }

  let stopping: Promise<void> | undefined;

  async function stopAll(): Promise<void> {
    for (const server of servers) server.close();
    await Promise.all([...pools.values()].map((pool) => pool.stop()));
    for (const server of servers) server.closeAllConnections();
    if (logFile !== undefined) closeSync(logFile);
  }

  const servers = [await listen(guarded(onApiRequest), options.port ?? 0)];
  const urlPool = service.urlFunction === undefined ? undefined : pools.get(service.urlFunction);
  if (urlPool !== undefined) {
    const listener = guarded((request, response) => onFunctionUrlRequest(urlPool, request, response));
    servers.push(await listen(listener, options.functionUrlPort ?? 0));
  }
  const [url = '', functionUrl] = servers.map(originOf);
  await Promise.all([...pools.values()].map((pool) => pool.ready()));

  return {
    url,
    functionUrl: functionUrl === undefined ? undefined : `${functionUrl}/`,
    pids: (functionName) =>
      functionName === undefined
        ? [...pools.values()].flatMap((pool) => pool.pids())
        : (pools.get(functionName)?.pids() ?? []),
    counters,
    stop: () => {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

async function onPlainInvoke(pool: FunctionPool | undefined, request: IncomingMessage, response: ServerResponse) {
  const body = await readBody(request, PAYLOAD_LIMIT_BYTES);
  if (pool === undefined) return writeJson(response, 404, { Type: 'User', Message: 'Function not found' });
  if (body === undefined)
    return writeJson(response, 413, { Type: 'User', message: 'Request must be smaller than 6 MB' });
  const event = body.length === 0 ? '{}' : body.toString();
  if (!isJson(event))
    return writeJson(response, 400, { Type: 'User', message: 'Could not parse request body into json' });
  const outcome = await pool.invoke(event);
  if (outcome.kind === 'throttled') return writeJson(response, 429, { Type: 'User', message: 'Rate Exceeded.' });
  const headers = { 'x-amz-executed-version': '$LATEST' };
  if (outcome.kind === 'function-error') {
    return writeJson(response, 200, outcome.error, { ...headers, 'x-amz-function-error': 'Unhandled' });
  }
  response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(outcome.body);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function splitUrl(request: IncomingMessage): [path: string, query: string] {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  return mark === -1 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

/** A caller that goes away while its body is read is no reason for the host to end. */
function guarded(listener: (request: IncomingMessage, response: ServerResponse) => Promise<void>): RequestListener {
  return (request, response) => {
    listener(request, response).catch((error: Error) => {
      if (!request.destroyed) console.error('lambda host:', error);
      response.destroy();
    });
  };
}

async function listen(listener: RequestListener, port: number): Promise<Server> {
  // Above the idle time of any client here: a server that closes first resets a request that is just being sent.
  const server = createServer({ keepAliveTimeout: 65_000 }, listener);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
