import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendJson } from './send-json.ts';

export interface HealthServerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Why no requests can be served just now, as a snake_case code; undefined when they can. */
  readonly notReady: () => string | undefined;
  /** What `/health` says beside its status: figures, and nothing secret. */
  readonly details: () => Readonly<Record<string, unknown>>;
  /** What else is answered on this port; the first that has something at an address answers there. */
  readonly doors?: readonly HttpDoor[];
}

/** Answers a request for one of its addresses, and is false for any other. Never throws. */
export type HttpDoor = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface HealthServer {
  readonly port: number;
  close(): void;
}

/** The longest that a request may take to arrive, ms. */
const ARRIVAL_MS = 5000;

/**
 * Answers `/livez` (the event loop runs), `/readyz` (requests are served: 200, else 503 with the reason), `/health` (the
 * same, with figures), `/metrics` (figures for Prometheus) and `/startedz` (200 from the first time on that it was seen ready: for supervisors that have one
 * check for both, and that must neither take a relay for good that never got anywhere, nor end one that waits for NATS).
 * Rejects when the port cannot be had.
 */
export function startHealthServer({ port, doors = [], ...probed }: HealthServerOptions): Promise<HealthServer> {
  const all = [createProbes(probed), ...doors];
  const limits = { requestTimeout: ARRIVAL_MS, headersTimeout: ARRIVAL_MS, connectionsCheckingInterval: 1000 };
  const server = createServer(limits, (request, response) => {
    if (all.some((door) => door(request, response))) return;
    sendJson(response, 404, { message: 'There is nothing at this address.' });
  });
  // Probes need a few connections; whoever opens more of them must not cost the relay its descriptors.
  server.maxConnections = 64;
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

function createProbes({ notReady, details }: Pick<HealthServerOptions, 'notReady' | 'details'>): HttpDoor {
  let started = false;

  function answer(path: string | undefined): readonly [status: number, body: object] | undefined {
    const reason = notReady();
    const status = reason === undefined ? 200 : 503;
    started ||= reason === undefined;
    switch (path) {
      case '/livez':
        return [200, { status: 'ok' }];
      case '/readyz':
        return [status, reason === undefined ? { ready: true } : { ready: false, reason }];
      case '/startedz':
        return [started ? 200 : 503, { started }];
      case '/health':
        return [status, { status: reason ?? 'ok', ...details() }];
      default:
        return undefined;
    }
  }

  return (request, response) => {
    const answered = answer(request.url?.split('?', 1)[0]);
    if (answered === undefined) return false;
    if (request.method === 'GET' || request.method === 'HEAD') sendJson(response, ...answered);
    else sendJson(response, 405, { message: 'Only GET is answered here.' }, { allow: 'GET, HEAD' });
    return true;
  };
}
