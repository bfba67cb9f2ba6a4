import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { buildPage } from '../../../functions/console/build-page.mjs';

/** What a route answers: a status and a body, or an answer that never comes. */
export type FakeAnswer = { readonly status?: number; readonly body: unknown } | 'never' | 'cut off';

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** A door that serves the real page, and answers what a test says. Only whoever has `token` gets in. */
export interface FakeDoor {
  readonly url: string;
  token: string;
  /** By method and path; a route that is not there is 404, as `GET /relay` of a function. */
  readonly routes: Map<string, (request: FakeRequest) => FakeAnswer>;
  readonly requests: FakeRequest[];
  stop(): Promise<void>;
}

/** `prefix`: the path that everything is under, such as `/prod`. */
export async function startFakeDoor(prefix = ''): Promise<FakeDoor> {
  const page = await buildPage();
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const door: FakeDoor = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}/`,
    token: 'the-token',
    routes: new Map(),
    requests: [],
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const path = (request.url ?? '').slice(prefix.length);
    if (method === 'GET' && path === '/') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...page.headers }).end(page.html);
      return;
    }
    const body = await text(request);
    const seen = { method, path, body: body === '' ? undefined : JSON.parse(body) };
    door.requests.push(seen);
    const known = request.headers.authorization === `Bearer ${door.token}`;
    const answer = known ? (door.routes.get(`${method} ${path}`)?.(seen) ?? NOT_FOUND) : UNAUTHORISED;
    if (answer === 'never') return;
    if (answer === 'cut off') {
      response.destroy();
      return;
    }
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  }

  return door;
}

const UNAUTHORISED: FakeAnswer = { status: 401, body: failed('unauthorised', 'A valid token is needed.') };
const NOT_FOUND: FakeAnswer = { status: 404, body: failed('not_found', 'There is nothing at this address.') };

/** A failure as every door answers it. */
export function failed(code: string, message: string) {
  return { success: false, message, code, retryable: false };
}
