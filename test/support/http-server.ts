import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export type Listener = (request: http.IncomingMessage, response: http.ServerResponse, body: string) => void;

export interface TestServer {
  readonly url: URL;
  readonly port: number;
  /** Requests received, bodies included, in order. */
  readonly requests: {
    readonly method: string;
    readonly url: string;
    readonly headers: http.IncomingHttpHeaders;
    readonly body: string;
  }[];
  /** Connections open now. */
  readonly sockets: Set<Socket>;
  stop(): Promise<void>;
}

/** A real HTTP server on a free loopback port, for one test: it is stopped when the test ends. */
export async function startServer(listener: Listener): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const requests: TestServer['requests'] = [];
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
    listener(request, response, body);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  async function stop() {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
  onTestFinished(stop);
  return { url: new URL(`http://127.0.0.1:${port}`), port, requests, sockets, stop };
}

/** Answers every request alike. */
export function reply(status: number, body: string | object, headers: http.OutgoingHttpHeaders = {}): Listener {
  return (_request, response) => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** Takes the request and never answers. */
export const hang: Listener = () => {};

/** Sends headers at once and then a byte every 10 ms, for as long as the connection lasts. */
export const drip: Listener = (_request, response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write(' '), 10);
  response.on('close', () => clearInterval(timer));
};

/** Takes the request and breaks the connection. */
export const breakOff: Listener = (request) => {
  request.socket.resetAndDestroy();
};

/** Never stops sending. */
export const flood: Listener = (_request, response) => {
  response.writeHead(200);
  const chunk = 'x'.repeat(65_536);
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
};

/** A signal that never fires: for calls that are to answer by themselves. */
export function noLimit(): AbortSignal {
  return new AbortController().signal;
}

/** A port of loopback where nothing listens. */
export async function freePort(): Promise<number> {
  const server = http.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
