import type { Op } from '../api/op.ts';
import type { FailureCode } from '../api/outcomes.ts';
import type { AllocatorClient, Answer, ClientOptions } from './allocator-client.ts';
import { noAnswerInTime, ownFailure, readAnswer, toError } from './answers.ts';
import { createClient, type Question } from './create-client.ts';

export interface HttpClientOptions extends ClientOptions {
  /** Where the allocator's HTTP API is, what comes before `/assign`: `https://allocator.example.com`. */
  readonly url: string | URL;
  /** One of its `API_TOKENS`. Absent: it asks for none. */
  readonly token?: string;
  /** Whose instances `instance` and `instances` are about; default `game-service`. */
  readonly service?: string;
}

type Route = readonly [method: string, path: string, body?: 'body'];

/** Asks over HTTPS, with the global fetch. Throws a TypeError for a `url` that is none. */
export function createHttpClient({
  url,
  token,
  service = 'game-service',
  ...options
}: HttpClientOptions): AllocatorClient {
  const base = new URL(url).href.replace(/\/+$/, '');
  const services = `/services/${encodeURIComponent(service)}`;

  function routeOf(op: Op, game: string): Route {
    switch (op) {
      case 'assign':
        return ['POST', '/assign', 'body'];
      case 'lookup':
        return ['GET', `/games/${game}`];
      case 'renew':
        return ['POST', `/games/${game}/renew`];
      case 'release':
        return ['DELETE', `/games/${game}`];
      case 'instance':
        return ['POST', `${services}/instance`, 'body'];
      case 'instances':
        return ['GET', `${services}/instances`];
      case 'fleet':
        return ['GET', '/fleet'];
      case 'explain':
        return ['POST', '/fleet/explain', 'body'];
    }
  }

  async function send({ op, request, headers, timeoutMs }: Question): Promise<Answer<Op>> {
    const gameId = request.game_id ?? '';
    const [method, path, body] = routeOf(op, encodeURIComponent(gameId));
    // In a path these are steps, also when they are encoded, and an empty one is no path: it would be another route.
    if (body === undefined && ['', '.', '..'].includes(gameId) && path.startsWith('/games/')) {
      const message = `game_id "${gameId}" cannot be asked about over HTTPS.`;
      return ownFailure('invalid_request', message, new Error(message));
    }
    try {
      const response = await fetch(base + path, {
        method,
        redirect: 'manual', // the token is for this address alone
        headers: {
          ...headers,
          ...(body && { 'content-type': 'application/json' }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        signal: AbortSignal.timeout(timeoutMs),
        ...(body && { body: JSON.stringify(request) }),
      });
      return readAnswer(op, await response.text()) ?? foreignAnswer(response.status);
    } catch (thrown) {
      const error = toError(thrown);
      if (error.name === 'TimeoutError') return noAnswerInTime(timeoutMs, error);
      return ownFailure('upstream_unavailable', `${base} could not be reached${codeOf(error)}.`, error);
    }
  }

  return createClient(send, options);
}

/** What a gateway or a proxy on the way means that answers in its own words. */
const CODES = new Map<number, FailureCode>([
  [401, 'unauthorised'],
  [403, 'unauthorised'],
  [413, 'too_large'],
  [429, 'overloaded'],
  [504, 'deadline_exceeded'],
]);

function foreignAnswer(status: number) {
  const message = `HTTP ${status}, and not from the allocator: is the address right, and what is on the way?`;
  return ownFailure(CODES.get(status) ?? 'upstream_unavailable', message, new Error(`HTTP ${status}`));
}

/** Such as ECONNREFUSED, which fetch has in the cause of its error. */
function codeOf({ cause }: Error): string {
  return cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
}
