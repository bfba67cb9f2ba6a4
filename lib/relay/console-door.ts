import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerHeaders } from '../api/answer-headers.ts';
import { MAX_REQUEST_BYTES } from '../api/assign-request.ts';
import { type BearerTokens, isBearerOf } from '../api/bearer-tokens.ts';
import type { Op } from '../api/op.ts';
import { FAILURES, type Failure, failureReply } from '../api/outcomes.ts';
import type { Page } from '../api/page.ts';
import type { HttpDoor } from './health-server.ts';
import type { Relay, ServedEndpoint } from './relay.ts';
import type { RelayReport } from './relay-report.ts';

export interface ConsoleDoorOptions {
  readonly page: Page;
  /** Of those who may look. */
  readonly tokens: BearerTokens;
  readonly serve: Relay['serve'];
  readonly report: () => RelayReport;
}

type Method = 'GET' | 'POST' | 'DELETE';

type Methods = Readonly<Partial<Record<Method, Action>>>;

/** Answers one request whose sender may ask. */
type Action = (request: IncomingMessage, response: ServerResponse, gameId: string) => void;

/**
 * The console's door on the relay's own port: its page, which anybody may have, and what that asks for, with a bearer
 * token. An operation takes the way of a message that comes over NATS, and fails in the same words and with the same
 * statuses as over HTTPS.
 */
export function createConsoleDoor({ page, tokens, serve, report }: ConsoleDoorOptions): HttpDoor {
  const operation = (op: Op) => serve({ op, kind: 'console' });
  const routes: Readonly<Record<string, Methods>> = {
    '/': { GET: sendPage },
    '/fleet': { GET: asking(operation('fleet'), () => ({})) },
    '/fleet/explain': { POST: passingOn(operation('explain')) },
    '/assign': { POST: passingOn(operation('assign')) },
    '/relay': { GET: (request, response) => send(request, response, 200, encode(report())) },
  };
  const games: Methods = {
    GET: asking(operation('lookup'), (game_id) => ({ game_id })),
    DELETE: asking(operation('release'), (game_id) => ({ game_id })),
  };

  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const encodedId = /^\/games\/([^/]+)$/.exec(path)?.[1];
    const methods = encodedId === undefined ? routes[path] : games;
    if (methods === undefined) return false;
    const action = methods[(request.method === 'HEAD' ? 'GET' : request.method) as Method];
    if (action === undefined) {
      const allow = Object.keys(methods).join(', ');
      const failure: Failure = { code: 'invalid_request', message: `Only ${allow} is answered at this address.` };
      send(request, response, 405, encode(failureReply(failure)), { allow });
    } else if (action !== sendPage && !isBearerOf(tokens, request.headers.authorization)) {
      send(request, response, FAILURES.unauthorised.status, encode(failureReply({ code: 'unauthorised' })));
    } else {
      action(request, response, decode(encodedId ?? ''));
    }
    return true;
  };

  function sendPage(_: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...page.headers }).end(page.html);
  }
}

/** Asks for what the address says. */
function asking(endpoint: ServedEndpoint, requestFor: (gameId: string) => object): Action {
  return (request, response, gameId) => hand(endpoint, encode(requestFor(gameId)), request, response);
}

/** Passes the body on. */
function passingOn(endpoint: ServedEndpoint): Action {
  return (request, response) => {
    void readBody(request).then((body) => body && hand(endpoint, body, request, response));
  };
}

function hand({ handle }: ServedEndpoint, data: Uint8Array, request: IncomingMessage, response: ServerResponse): void {
  handle({
    subject: '',
    data,
    header: (name) => request.headers[name.toLowerCase()]?.toString(),
    reply: (payload, _usefulUntilMs, said) => {
      // The rest of a body that is too large is not waited for.
      const headers = request.complete ? {} : { connection: 'close' };
      send(request, response, said?.error?.status ?? 200, payload, headers);
    },
  });
}

/** As much of the body as tells that it is too large; undefined where its sender has gone. Never rejects. */
function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      if (bytes > MAX_REQUEST_BYTES) return;
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_REQUEST_BYTES) resolve(Buffer.concat(chunks));
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', () => resolve(undefined));
    request.on('close', () => resolve(undefined)); // a promise is settled once: after the end this says nothing
  });
}

function send(
  { headers: { traceparent } }: IncomingMessage,
  response: ServerResponse,
  status: number,
  payload: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...answerHeaders(status, traceparent?.toString()), ...headers }).end(payload);
}

const encoder = new TextEncoder();

function encode(reply: object): Uint8Array {
  return encoder.encode(JSON.stringify(reply));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
