import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Outcome } from './environment.ts';

export interface HttpEventParts {
  readonly routeKey: string;
  readonly path: string;
  readonly query: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The caller that IAM is said to have let in, as a function URL shows it. */
  readonly iam?: boolean;
}

/** Bodies of these types reach a function as text; anything else, or anything compressed, as base64. */
const TEXT_TYPES = /^(text\/|application\/(json|javascript|xml|x-www-form-urlencoded)|application\/[^;]+\+(json|xml))/i;

/** An API Gateway HTTP API (or function URL) request in payload format 2.0. */
export function httpEvent(request: IncomingMessage, parts: HttpEventParts): string {
  const { routeKey, path, query, parameters, body } = parts;
  const now = new Date();
  const { headers, cookies } = lowerCaseHeaders(request);
  const isText = headers['content-encoding'] === undefined && TEXT_TYPES.test(headers['content-type'] ?? 'text/plain');
  const method = request.method ?? 'GET';
  return JSON.stringify({
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString: query,
    ...(cookies.length > 0 && { cookies }),
    headers,
    ...(query !== '' && { queryStringParameters: queryParameters(query) }),
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      ...(parts.iam === true && { authorizer: { iam: LOCAL_CALLER } }),
      domainName: headers['host'] ?? 'localhost',
      domainPrefix: 'local',
      http: {
        method,
        path,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey,
      stage: '$default',
      time: now.toISOString(),
      timeEpoch: now.getTime(),
    },
    ...(parameters !== undefined && Object.keys(parameters).length > 0 && { pathParameters: parameters }),
    ...(body.length > 0 && { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  });
}

/** Writes what the function returned as API Gateway does for payload format 2.0. */
export function writeHttpResponse(response: ServerResponse, outcome: Outcome): void {
  const { status, headers, body } = httpAnswer(outcome);
  write(response, status, headers, body);
}

export function writeJson(response: ServerResponse, status: number, value: unknown, headers = {}): void {
  write(response, status, { ...JSON_TYPE, ...headers }, Buffer.from(JSON.stringify(value)));
}

const JSON_TYPE = { 'content-type': 'application/json' };

interface HttpAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: Buffer;
}

interface StructuredResult {
  readonly statusCode: number | string;
  readonly headers?: Record<string, unknown>;
  readonly cookies?: string[];
  readonly body?: unknown;
  readonly isBase64Encoded?: boolean;
}

const LOCAL_CALLER = {
  accessKey: 'ASIALOCAL',
  accountId: '000000000000',
  callerId: 'AIDALOCAL',
  cognitoIdentity: null,
  principalOrgId: null,
  userArn: 'arn:aws:sts::000000000000:assumed-role/game-allocator-relay/local',
  userId: 'AIDALOCAL',
};

function httpAnswer(outcome: Outcome): HttpAnswer {
  if (outcome.kind === 'throttled') return jsonAnswer(429, JSON.stringify({ message: 'Too Many Requests' }));
  const result = outcome.kind === 'response' ? parseJson(outcome.body) : undefined;
  if (outcome.kind === 'function-error' || result === undefined) {
    return jsonAnswer(502, JSON.stringify({ message: 'Internal Server Error' }));
  }
  if (!isStructured(result)) return jsonAnswer(200, typeof result === 'string' ? result : outcome.body);
  const { statusCode, cookies, body = '', isBase64Encoded = false } = result;
  const headers: Record<string, string | string[]> = { ...JSON_TYPE };
  for (const [name, value] of Object.entries(result.headers ?? {})) headers[name.toLowerCase()] = String(value);
  if (cookies !== undefined) headers['set-cookie'] = cookies;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status: Number(statusCode), headers, body: Buffer.from(text, isBase64Encoded ? 'base64' : 'utf8') };
}

function jsonAnswer(status: number, text: string): HttpAnswer {
  return { status, headers: JSON_TYPE, body: Buffer.from(text) };
}

/** Undefined for text that is not JSON, which JSON itself can never give. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function write(response: ServerResponse, status: number, headers: Record<string, string | string[]>, body: Buffer) {
  response.writeHead(status, { ...headers, 'content-length': body.length });
  response.end(body);
}

function isStructured(result: unknown): result is StructuredResult {
  return typeof result === 'object' && result !== null && 'statusCode' in result;
}

function lowerCaseHeaders(request: IncomingMessage): { headers: Record<string, string>; cookies: string[] } {
  const headers: Record<string, string> = {
    'x-forwarded-for': request.socket.remoteAddress ?? '127.0.0.1',
    'x-forwarded-port': '443',
    'x-forwarded-proto': 'https',
  };
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = (request.rawHeaders[index] ?? '').toLowerCase();
    const value = request.rawHeaders[index + 1] ?? '';
    const known = headers[name];
    headers[name] = known === undefined ? value : `${known},${value}`;
  }
  const { cookie, ...others } = headers;
  return { headers: others, cookies: cookie === undefined ? [] : cookie.split(/;\s*/) };
}

function queryParameters(query: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const known = parameters[name];
    parameters[name] = known === undefined ? value : `${known},${value}`;
  }
  return parameters;
}
