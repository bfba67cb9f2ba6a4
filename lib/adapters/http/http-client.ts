import http from 'node:http';
import type { Socket } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import type { TraceContext } from '../../api/trace.ts';
import { type Upstream, UpstreamError, type UpstreamFailure } from '../../app/upstream-error.ts';

export interface HttpClientOptions {
  readonly upstream: Upstream;
  /** A path in it is put before every request's path; a query in it is ignored. */
  readonly baseUrl: URL;
  /** Asked at every request, so that a rotated token is used at once. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** The trace in which a request is made, as headers of it; undefined: in none. */
  readonly trace?: () => TraceContext | undefined;
  /** A longer answer is `invalid_body`. */
  readonly maxResponseBytes: number;
  /** Connections at once; requests beyond that wait for one. */
  readonly maxSockets?: number;
  /**
   * Sends a request once more, over a new connection, when the idle connection that it went out on turns out to be dead
   * (a frozen Lambda environment wakes up with such sockets). Only for requests that may be carried out twice.
   */
  readonly retryOnStaleSocket?: boolean;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** From the first slash, query included, already encoded. */
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The deadline of everything together: waiting for a connection, connecting, headers and body. */
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  /** Any status: what is a failure is for the caller to say. Redirects are not followed. */
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** Of the body, before it is read as text. */
  readonly bytes: number;
  /** An earlier try of the same request was cut off after it had begun, so it may have been carried out before. */
  readonly retried: boolean;
  /**
   * Closes the connection that it came over, for an answer that is not to this request: what comes next over that
   * connection would be wrong as well. A request that is already under way over it is cut off.
   */
  readonly closeConnection: () => void;
}

export interface HttpClient {
  /** Throws only UpstreamError: `connect`, `reset`, `timeout` or `invalid_body`. */
  request(request: HttpRequest): Promise<HttpAnswer>;
  close(): void;
}

/**
 * HTTP on node:http, and not on fetch: Node's fetch takes 35 to 40 ms of CPU at its first use and four times the CPU
 * for each request, follows redirects and unpacks answers of any size.
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { protocol, hostname, port } = urlToHttpOptions(options.baseUrl);
  // Not imported: TLS takes 8 to 11 ms of a cold start, and nobody needs it where every upstream is in the same network.
  const transport = protocol === 'https:' ? process.getBuiltinModule('node:https') : http;
  const agent = new transport.Agent({ keepAlive: true, maxSockets: options.maxSockets ?? 16 });
  const prefix = options.baseUrl.pathname.replace(/\/+$/, '');

  async function request(wanted: HttpRequest): Promise<HttpAnswer> {
    const first = await attempt(wanted, false);
    if ('status' in first) return first;
    if (!(options.retryOnStaleSocket && first.failure === 'reset' && first.reusedSocket)) throw failed(first, false);

    // Its neighbours in the pool slept as long as it did.
    for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
    const second = await attempt(wanted, true);
    if ('status' in second) return second;
    throw failed(second, true);
  }

  function failed(attempt: FailedAttempt, mayHaveHappenedBefore: boolean): UpstreamError {
    const outcome = attempt.begun || mayHaveHappenedBefore ? 'unknown' : 'none';
    return new UpstreamError(options.upstream, attempt.failure, { outcome, cause: attempt.cause });
  }

  function attempt(wanted: HttpRequest, retried: boolean): Promise<HttpAnswer | FailedAttempt> {
    const { signal, body } = wanted;
    return new Promise((resolve) => {
      const nothingSent = { begun: false, reusedSocket: false };
      if (signal.aborted) return resolve({ ...nothingSent, failure: 'timeout', cause: signal.reason });

      let outgoing: http.ClientRequest;
      try {
        outgoing = transport.request({
          protocol,
          hostname,
          port,
          agent,
          method: wanted.method,
          path: prefix + wanted.path,
          headers: {
            ...options.headers?.(),
            ...options.trace?.(),
            ...wanted.headers,
            ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          },
        });
      } catch (cause) {
        // A header that cannot be sent, such as a token with a line break in it.
        return resolve({ ...nothingSent, failure: 'connect', cause });
      }

      let settled = false;
      let answered = false;
      let connection: 'none' | 'opening' | 'open' = 'none';
      signal.addEventListener('abort', onAbort, { once: true });
      outgoing.on('socket', (socket) => {
        connection = 'opening';
        onceOpen(socket, outgoing.reusedSocket, () => {
          connection = 'open';
        });
      });
      outgoing.on('error', (cause) => fail(failureOf(cause, connection === 'open'), cause));
      // Once there is an answer, that tells the end: a request may be closed before the last of its answer is read.
      outgoing.on('close', () => answered || fail(connection === 'open' ? 'reset' : 'connect', undefined));
      outgoing.on('response', receive);
      outgoing.end(body);

      function receive(incoming: http.IncomingMessage) {
        answered = true;
        const { socket } = incoming; // not known any more when the answer has ended
        const chunks: Buffer[] = [];
        let bytes = 0;
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= options.maxResponseBytes) chunks.push(chunk);
          else fail('invalid_body', new Error(`The answer is over ${options.maxResponseBytes} bytes`));
        });
        incoming.on('error', (cause) => fail(failureOf(cause, true), cause));
        incoming.on('close', () => fail('reset', undefined));
        incoming.on('end', () => {
          const { statusCode = 0, headers } = incoming;
          settle({
            status: statusCode,
            headers,
            // Read as text when somebody wants it: of a long list that has not changed nobody does.
            get body() {
              return Buffer.concat(chunks).toString('utf8');
            },
            bytes,
            retried,
            closeConnection: () => void socket.destroy(),
          });
        });
      }

      function onAbort() {
        // Before the connection is open nothing can have been sent.
        fail(connection === 'opening' ? 'connect' : 'timeout', signal.reason);
      }

      function fail(failure: UpstreamFailure, cause: unknown) {
        if (settled) return;
        settle({ failure, begun: connection === 'open', reusedSocket: outgoing.reusedSocket, cause });
        // The listener for 'error' stays on: destroying may emit one.
        outgoing.destroy();
      }

      function settle(result: HttpAnswer | FailedAttempt) {
        settled = true;
        signal.removeEventListener('abort', onAbort);
        resolve(result);
      }
    });
  }

  return { request, close: () => agent.destroy() };
}

interface FailedAttempt {
  readonly failure: UpstreamFailure;
  /** The connection was open, so some or all of the request may have gone out. */
  readonly begun: boolean;
  readonly reusedSocket: boolean;
  readonly cause: unknown;
}

/** Calls `opened` when `socket` can carry a request: over TLS after the handshake only. */
function onceOpen(socket: Socket, reused: boolean, opened: () => void) {
  const secure = 'encrypted' in socket;
  if (reused || (!secure && !socket.connecting)) opened();
  else socket.once(secure ? 'secureConnect' : 'connect', opened);
}

function failureOf(cause: unknown, open: boolean): UpstreamFailure {
  if (!open) return 'connect';
  // llhttp's own codes: what came back is not HTTP, or has more headers than allowed.
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return code.startsWith('HPE_') ? 'invalid_body' : 'reset';
}
