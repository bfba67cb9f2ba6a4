/** What a request came to. `refused`: the token was not accepted. `unreachable`: nobody answered. */
export type Answer<T> =
  | { readonly kind: 'ok'; readonly body: T }
  | { readonly kind: 'refused' }
  | { readonly kind: 'failed'; readonly status: number; readonly code: string; readonly message: string }
  | { readonly kind: 'unreachable'; readonly message: string };

export interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
}

export interface Api {
  /** `path` without a leading slash, such as `games/abc`. Never rejects. */
  call<T>(path: string, call?: Call): Promise<Answer<T>>;
}

const LIMIT_MS = 15_000;
/** A caller waits for half a second; an operator waits for a function that has to start first, too. */
const PATIENCE = { 'timeout-ms': '8000' };

/** Asks the door that served this page, under the path that it was served at; a stage's name may be in front of it. */
export function createApi(token: string): Api {
  const base = new URL(location.pathname.replace(/\/?$/, '/'), location.origin);
  return {
    async call<T>(path: string, { method = 'GET', body }: Call = {}): Promise<Answer<T>> {
      try {
        const response = await fetch(new URL(path, base), {
          method,
          headers: { authorization: `Bearer ${token}`, ...PATIENCE, ...(body === undefined ? {} : JSON_BODY) },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          cache: 'no-store',
          credentials: 'omit',
          signal: AbortSignal.timeout(LIMIT_MS),
        });
        if (response.status === 401 || response.status === 403) return { kind: 'refused' };
        return readAnswer<T>(response.status, await response.text());
      } catch (error) {
        const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
        return {
          kind: 'unreachable',
          message: timedOut ? `No answer in ${LIMIT_MS / 1000} s.` : 'The allocator cannot be reached.',
        };
      }
    },
  };
}

const JSON_BODY = { 'content-type': 'application/json' };

function readAnswer<T>(status: number, text: string): Answer<T> {
  const body = parse(text);
  if (status === 200 && body !== undefined && body['success'] !== false) return { kind: 'ok', body: body as T };
  const code = typeof body?.['code'] === 'string' ? body['code'] : `status_${status}`;
  const message =
    typeof body?.['message'] === 'string' ? body['message'] : `The answer was no JSON (status ${status}).`;
  return { kind: 'failed', status, code, message };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
