import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PassedAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * What becomes of one request:
 * - `pass`: the target answers it
 * - `drop`: the target carries it out, and its answer is lost: the connection is reset when the whole of it has come
 * - `late`: the target carries it out at once, and its answer arrives `ms` later
 * - `edit`: the target answers, and the answer is changed on the way
 * - `answer`: answered here; the target does not see it
 * - `hang`: taken, never answered; the target does not see it
 * - `reset`: the connection is reset; the target does not see it
 */
export type HttpFault =
  | { readonly kind: 'pass' | 'drop' | 'hang' | 'reset' }
  | { readonly kind: 'late'; readonly ms: number }
  | { readonly kind: 'edit'; readonly edit: (answer: PassedAnswer) => PassedAnswer }
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly headers?: IncomingHttpHeaders };

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpFaultProxy {
  /** Origin, without a slash at its end. */
  readonly url: string;
  /** Where requests go; none can pass before it is set. */
  setTarget(url: string): void;
  /** For each request from now on: always the same, or as it is decided for that request. */
  set(fault: HttpFault | ((request: SeenRequest) => HttpFault)): void;
  /** How often each kind was done since the start. */
  counts(): Readonly<Record<HttpFault['kind'], number>>;
  close(): Promise<void>;
}

export const PASS: HttpFault = { kind: 'pass' };

/** An HTTP proxy on 127.0.0.1 before `target`, for faults of single requests. */
export async function startHttpFaultProxy(target?: string): Promise<HttpFaultProxy> {
  let origin = target;
  let decide: (request: SeenRequest) => HttpFault = () => PASS;
  const counts = { pass: 0, drop: 0, late: 0, edit: 0, answer: 0, hang: 0, reset: 0 };

  async function onRequest(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/', headers } = incoming;
    const seen: SeenRequest = { method, path, headers, body: await textOf(incoming) };
    const fault = decide(seen);
    counts[fault.kind] += 1;
    if (fault.kind === 'hang') return;
    if (fault.kind === 'reset') return reset(outgoing);
    if (fault.kind === 'answer') return give(outgoing, { headers: {}, ...fault });
    if (origin === undefined) throw new Error('The proxy has no target.');
    const answer = await ask(origin, seen);
    if (fault.kind === 'drop') return reset(outgoing);
    const late = fault.kind === 'late' ? fault.ms : 0;
    const given = fault.kind === 'edit' ? fault.edit(answer) : answer;
    if (late === 0) give(outgoing, given);
    else setTimeout(() => give(outgoing, given), late);
  }

  // Above any client's idle time: a server that closes first resets a request that is just being sent.
  const server = createServer({ keepAliveTimeout: 65_000 }, (incoming, outgoing) => {
    // A target that is down looks from here as it does from there: the connection breaks.
    onRequest(incoming, outgoing).catch(() => reset(outgoing));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    setTarget(url) {
      origin = url;
    },
    set(fault) {
      decide = typeof fault === 'function' ? fault : () => fault;
    },
    counts: () => ({ ...counts }),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function ask(origin: string, { method, path, headers, body }: SeenRequest): Promise<PassedAnswer> {
  return new Promise((resolve, reject) => {
    const onward = request(new URL(path, origin), { method, headers }, (answer) => {
      textOf(answer).then(
        (text) => resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: text }),
        reject,
      );
    });
    onward.on('error', reject);
    onward.end(body);
  });
}

/** With a length of its own: the body may have been changed. */
function give(outgoing: ServerResponse, { status, headers, body }: PassedAnswer): void {
  const { 'transfer-encoding': _, 'content-length': __, connection: ___, ...rest } = headers;
  outgoing.writeHead(status, { ...rest, 'content-length': Buffer.byteLength(body) }).end(body);
}

function reset(outgoing: ServerResponse): void {
  outgoing.socket?.resetAndDestroy();
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
