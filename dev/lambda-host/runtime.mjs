// The runtime inside one environment: what AWS's Node.js 24 runtime does, over the documented Runtime API.
// Plain JavaScript and getBuiltinModule: an ESM import of node:http loads Node's bundled undici (30 ms), which AWS's
// own runtime does not pay for, so neither may a cold start that is measured here.
const http = process.getBuiltinModule('node:http');
const { existsSync } = process.getBuiltinModule('node:fs');
const { resolve } = process.getBuiltinModule('node:path');
const { pathToFileURL } = process.getBuiltinModule('node:url');

const API = '/2018-06-01/runtime';
const [apiHost, apiPort] = variable('AWS_LAMBDA_RUNTIME_API').split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

let requestId = '';
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

const handler = await loadHandler().catch(async (error) => {
  await post(`${API}/init/error`, errorBody(error), errorHeaders(error));
  process.exit(1);
});

for (;;) {
  const next = await request('GET', `${API}/invocation/next`);
  const event = JSON.parse(next.body);
  requestId = String(next.headers['lambda-runtime-aws-request-id']);
  const traceId = next.headers['lambda-runtime-trace-id'];
  if (traceId !== undefined) process.env['_X_AMZN_TRACE_ID'] = String(traceId);
  const invocation = `${API}/invocation/${requestId}`;
  let answer;
  try {
    answer = JSON.stringify(await handler(event, contextOf(next.headers))) ?? 'null';
  } catch (error) {
    console.error(error);
    await post(`${invocation}/error`, errorBody(error), errorHeaders(error));
    continue;
  }
  await post(`${invocation}/response`, answer);
}

/** Imports `<path>.<export>` as Lambda resolves it: the file beside the task root with .mjs, .js or .cjs. */
async function loadHandler() {
  const name = variable('_HANDLER');
  const dot = name.lastIndexOf('.');
  const base = resolve(variable('LAMBDA_TASK_ROOT'), name.slice(0, dot));
  const file = ['.mjs', '.js', '.cjs'].map((extension) => base + extension).find((path) => existsSync(path));
  if (file === undefined) throw named('Runtime.ImportModuleError', `Cannot find module '${base}'`);
  const module = await import(pathToFileURL(file).href);
  const exported = module[name.slice(dot + 1)] ?? module.default?.[name.slice(dot + 1)];
  if (typeof exported !== 'function') throw named('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  if (exported.length >= 3) {
    throw named('Runtime.CallbackHandlerDeprecated', 'Node.js 24 runs no callback handlers (three parameters)');
  }
  return exported;
}

/** @param {import('node:http').IncomingHttpHeaders} headers */
function contextOf(headers) {
  const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
  return {
    awsRequestId: String(headers['lambda-runtime-aws-request-id']),
    invokedFunctionArn: String(headers['lambda-runtime-invoked-function-arn']),
    functionName: variable('AWS_LAMBDA_FUNCTION_NAME'),
    functionVersion: variable('AWS_LAMBDA_FUNCTION_VERSION'),
    memoryLimitInMB: variable('AWS_LAMBDA_FUNCTION_MEMORY_SIZE'),
    logGroupName: variable('AWS_LAMBDA_LOG_GROUP_NAME'),
    logStreamName: variable('AWS_LAMBDA_LOG_STREAM_NAME'),
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
}

/** @param {unknown} error */
async function fail(error) {
  console.error(error);
  const path = requestId === '' ? `${API}/init/error` : `${API}/invocation/${requestId}/error`;
  await post(path, errorBody(error), errorHeaders(error));
  process.exit(129);
}

/** @param {unknown} error */
function errorBody(error) {
  if (!(error instanceof Error))
    return JSON.stringify({ errorType: typeof error, errorMessage: String(error), trace: [] });
  return JSON.stringify({ errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') });
}

/** @param {unknown} error */
function errorHeaders(error) {
  return { 'lambda-runtime-function-error-type': error instanceof Error ? error.name : 'Unhandled' };
}

/** @param {string} path @param {string} body @param {Record<string, string>} [headers] */
async function post(path, body, headers = {}) {
  const { status } = await request('POST', path, body, headers);
  if (status !== 202) console.error(`the Runtime API answered ${status} to ${path}`);
}

/**
 * One exchange with the Runtime API. When the host is gone there is nothing to live for: the process ends at once,
 * so that no environment outlives its host.
 * @param {string} method @param {string} path @param {string} [body] @param {Record<string, string>} [headers]
 * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: string }>}
 */
function request(method, path, body, headers = {}) {
  return new Promise((done) => {
    const length =
      body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const options = { host: apiHost, port: apiPort, method, path, agent, headers: { ...headers, ...length } };
    const call = http.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => done({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    call.on('error', () => process.exit(1));
    call.end(body);
  });
}

/** @param {string} name @param {string} message */
function named(name, message) {
  const error = new Error(message);
  error.name = name;
  return error;
}

/** @param {string} name */
function variable(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
