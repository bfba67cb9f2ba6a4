import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HealthServerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Why no requests can be served just now, as a snake_case code; undefined when they can. */
  readonly notReady: () => string | undefined;
  /** What `/health` says beside its status: figures, and nothing secret. */
  readonly details: () => Readonly<Record<string, unknown>>;
  /** What `/metrics` says; absent: there is no such page. */
  readonly metrics?: { readonly contentType: string; text(): Promise<string> };
}

export interface HealthServer {
  readonly port: number;
  close(): void;
}

/**
 * Answers `/livez` (the event loop runs), `/readyz` (requests are served: 200, else 503 with the reason), `/health` (the
 * same, with figures), `/metrics` (figures for Prometheus) and `/startedz` (200 from the first time on that it was seen ready: for supervisors that have one
 * check for both, and that must neither take a relay for good that never got anywhere, nor end one that waits for NATS).
 * Rejects when the port cannot be had.
 */
export function startHealthServer({ port, notReady, details, metrics }: HealthServerOptions): Promise<HealthServer> {
  let started = false;
  const server = createServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return send(response, 405, { message: 'Only GET is answered here.' }, { allow: 'GET, HEAD' });
    }
    const reason = notReady();
    const status = reason === undefined ? 200 : 503;
    started ||= reason === undefined;
    switch (request.url?.split('?', 1)[0]) {
      case '/livez':
        return send(response, 200, { status: 'ok' });
      case '/readyz':
        return send(response, status, reason === undefined ? { ready: true } : { ready: false, reason });
      case '/startedz':
        return send(response, started ? 200 : 503, { started });
      case '/health':
        return send(response, status, { status: reason ?? 'ok', ...details() });
      case '/metrics':
        if (metrics !== undefined) return void sendPage(response, metrics);
        break;
    }
    return send(response, 404, { message: 'There is nothing at this address.' });
  });
  // Probes need a few connections; whoever opens more of them must not cost the relay its descriptors.
  server.maxConnections = 64;
  server.requestTimeout = 5000;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () => {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

async function sendPage(response: ServerResponse, page: NonNullable<HealthServerOptions['metrics']>): Promise<void> {
  try {
    const text = await page.text();
    response.writeHead(200, { 'content-type': page.contentType, 'cache-control': 'no-store' }).end(text);
  } catch {
    send(response, 500, { message: 'The page could not be made.' });
  }
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  response.end(JSON.stringify(body));
}
