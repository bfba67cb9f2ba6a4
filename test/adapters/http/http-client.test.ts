import net from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createHttpClient, type HttpClientOptions, type HttpRequest } from '../../../lib/adapters/http/http-client.ts';
import { breakOff, drip, flood, freePort, hang, noLimit, reply, startServer } from '../../support/http-server.ts';

it('sends method, path below the base path, headers and body, and returns status, headers and body', async () => {
  const server = await startServer(reply(201, 'да 🎮', { 'x-answer': 'yes' }));
  let token = 'first';
  const client = start(new URL('/base/path/', server.url), { headers: () => ({ authorization: token }) });

  token = 'second';
  const answer = await client.request(post('/x?y=%20z', 'тело', { 'x-one': '1' }));

  expect(answer).toMatchObject({ status: 201, body: 'да 🎮', retried: false, headers: { 'x-answer': 'yes' } });
  const [request] = server.requests;
  expect(request).toMatchObject({ method: 'POST', url: '/base/path/x?y=%20z', body: 'тело' });
  expect(request?.headers).toMatchObject({ authorization: 'second', 'x-one': '1', 'content-length': '8' });
  expect(request?.headers['accept-encoding']).toBeUndefined();
});

it('sends the headers of the trace in which a request is made', async () => {
  const server = await startServer(reply(200, '{}'));
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  let trace: { traceparent: string; tracestate: string } | undefined = { traceparent, tracestate: 'a=b' };
  const client = start(server.url, { trace: () => trace });

  await client.request(get('/'));
  trace = undefined;
  await client.request(get('/'));

  const [traced, untraced] = server.requests.map(({ headers }) => headers);
  expect(traced).toMatchObject({ traceparent, tracestate: 'a=b' });
  expect(untraced).not.toHaveProperty('traceparent');
  expect(untraced).not.toHaveProperty('tracestate');
});

it('uses one connection for requests that follow one another', async () => {
  const server = await startServer(reply(200, '{}'));
  const client = start(server.url);

  for (let i = 0; i < 5; i += 1) await client.request(get('/'));

  expect(server.sockets.size).toBe(1);
});

it('closes the connection that an answer came over when told to, also under the next request', async () => {
  const server = await startServer((request, response) => {
    if (request.url === '/first') response.end();
  });
  const client = start(server.url, { maxSockets: 1 });
  const first = await client.request(get('/first'));
  const next = client.request(get('/next'));
  await expect.poll(() => server.requests.length).toBe(2);

  first.closeConnection();

  await expect(next).rejects.toMatchObject({ failure: 'reset' });
  await expect.poll(() => server.sockets.size).toBe(0);
});

it('opens at most maxSockets connections', async () => {
  const server = await startServer(reply(200, '{}'));
  const client = start(server.url, { maxSockets: 3 });

  await Promise.all(Array.from({ length: 30 }, () => client.request(get('/'))));

  expect(server.requests.length).toBe(30);
  expect(server.sockets.size).toBeLessThanOrEqual(3);
});

it.each([302, 401, 404, 500])('returns a %i as it is', async (status) => {
  const server = await startServer(reply(status, 'text', { location: '/elsewhere' }));

  const answer = await start(server.url).request(get('/'));

  expect(answer).toMatchObject({ status, body: 'text' });
  expect(server.requests.length).toBe(1);
});

it('tells a refused connection from an answer', async () => {
  const client = start(new URL(`http://127.0.0.1:${await freePort()}`));

  await expect(client.request(get('/'))).rejects.toMatchObject({
    failure: 'connect',
    outcome: 'none',
    upstream: 'allocator',
  });
});

it('reports an unknown host as connect', async () => {
  const client = start(new URL('http://host.invalid'));

  await expect(client.request(get('/'))).rejects.toMatchObject({ failure: 'connect', outcome: 'none' });
});

it('reports a TLS handshake with a server that speaks none as connect', async () => {
  const server = await startServer(reply(200, ''));
  const client = start(new URL(`https://127.0.0.1:${server.port}`));

  await expect(client.request(get('/'))).rejects.toMatchObject({ failure: 'connect', outcome: 'none' });
});

it('reports a limit that passes during a TLS handshake as connect', async () => {
  const port = await startRaw(() => {});
  const client = start(new URL(`https://127.0.0.1:${port}`));

  const answer = client.request(get('/', AbortSignal.timeout(50)));

  await expect(answer).rejects.toMatchObject({ failure: 'connect', outcome: 'none' });
});

it('reports a header that cannot be sent as connect', async () => {
  const server = await startServer(reply(200, ''));
  const client = start(server.url, { headers: () => ({ authorization: 'line\nbreak' }) });

  await expect(client.request(get('/'))).rejects.toMatchObject({ failure: 'connect', outcome: 'none' });
});

it.each([
  { server: 'never answers', listener: hang },
  { server: 'drips', listener: drip },
])('stops at the limit when the server $server', async ({ listener }) => {
  const server = await startServer(listener);
  const limit = new AbortController();

  const answer = start(server.url).request(get('/', limit.signal));
  await vi.waitFor(() => expect(server.requests.length).toBe(1), { timeout: 10_000 });
  limit.abort();

  await expect(answer).rejects.toMatchObject({ failure: 'timeout', outcome: 'unknown' });
  await vi.waitFor(() => expect(server.sockets.size).toBe(0), { timeout: 10_000 });
});

it('sends nothing when the limit has passed before', async () => {
  const server = await startServer(reply(200, ''));

  const answer = start(server.url).request(get('/', AbortSignal.abort()));

  await expect(answer).rejects.toMatchObject({ failure: 'timeout', outcome: 'none' });
  expect(server.requests.length).toBe(0);
});

it('leaves the outcome in no doubt when the limit passes while waiting for a connection', async () => {
  const server = await startServer(hang);
  const client = start(server.url, { maxSockets: 1 });
  const aborter = new AbortController();
  const first = client.request(get('/', aborter.signal));
  const waiting = client.request(get('/', AbortSignal.timeout(50)));

  await expect(waiting).rejects.toMatchObject({ failure: 'timeout', outcome: 'none' });
  aborter.abort();
  await expect(first).rejects.toMatchObject({ failure: 'timeout', outcome: 'unknown' });
  expect(server.requests.length).toBe(1);
});

it('reports a connection that breaks after the request as reset, and does not repeat it', async () => {
  const server = await startServer(breakOff);

  const answer = start(server.url, { retryOnStaleSocket: true }).request(post('/', '{}'));

  await expect(answer).rejects.toMatchObject({ failure: 'reset', outcome: 'unknown' });
  expect(server.requests.length).toBe(1);
});

it('reports an answer that breaks off half-way as reset', async () => {
  const server = await startServer((_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half');
    response.socket?.end();
  });

  await expect(start(server.url).request(get('/'))).rejects.toMatchObject({
    failure: 'reset',
    outcome: 'unknown',
    cause: { code: 'ECONNRESET' },
  });
});

it('reports what is not HTTP as invalid_body', async () => {
  const port = await startRaw((socket) => socket.on('data', () => socket.end('-ERR wrong protocol\r\n')));

  const answer = start(new URL(`http://127.0.0.1:${port}`)).request(get('/'));

  await expect(answer).rejects.toMatchObject({ failure: 'invalid_body', outcome: 'unknown' });
});

it('stops reading an answer over the limit', async () => {
  const server = await startServer(flood);

  const answer = start(server.url, { maxResponseBytes: 1000 }).request(get('/'));

  await expect(answer).rejects.toMatchObject({ failure: 'invalid_body', outcome: 'unknown' });
  await vi.waitFor(() => expect(server.sockets.size).toBe(0), { timeout: 10_000 });
});

it('takes an answer whose end is the end of the connection', async () => {
  const body = 'x'.repeat(50_000);
  const port = await startRaw((socket) => socket.on('data', () => socket.end(`HTTP/1.0 200 OK\r\n\r\n${body}`)));
  const client = start(new URL(`http://127.0.0.1:${port}`));

  const answers = await Promise.all(Array.from({ length: 50 }, () => client.request(get('/'))));

  for (const answer of answers) expect(answer.body).toBe(body);
});

it('takes an answer whose connection is closed right behind it', async () => {
  const server = await startServer((_request, response) => {
    response.writeHead(200, { 'content-length': 4, connection: 'close' });
    response.end('done');
  });
  const client = start(server.url);

  const answers = await Promise.all(Array.from({ length: 50 }, () => client.request(get('/'))));

  for (const answer of answers) expect(answer.body).toBe('done');
});

it('takes an answer of exactly the limit', async () => {
  const server = await startServer(reply(200, 'x'.repeat(1000)));

  expect((await start(server.url, { maxResponseBytes: 1000 }).request(get('/'))).body.length).toBe(1000);
});

it('repeats a request once whose idle connection was dead, on a new one', async () => {
  const { port, connections } = await startServerThatForgets(2);
  const client = start(new URL(`http://127.0.0.1:${port}`), { retryOnStaleSocket: true });
  // Two idle connections: the retry must not meet the other dead one.
  await Promise.all([client.request(get('/first')), client.request(get('/first'))]);

  const answer = await client.request(post('/second', 'body'));

  expect(answer).toMatchObject({ status: 200, retried: true });
  expect(connections()).toBe(3);
});

it('does not repeat such a request unless told to', async () => {
  const { port } = await startServerThatForgets(1);
  const client = start(new URL(`http://127.0.0.1:${port}`));
  await client.request(get('/first'));

  await expect(client.request(post('/second', 'body'))).rejects.toMatchObject({ failure: 'reset', outcome: 'unknown' });
});

it('keeps the outcome in doubt when the repeated request cannot even connect', async () => {
  const server = await startServer((request, response, body) => {
    if (server.requests.length === 1) return void reply(200, '')(request, response, body);
    void server.stop();
    breakOff(request, response, body);
  });
  const client = start(server.url, { retryOnStaleSocket: true });
  await client.request(get('/'));

  await expect(client.request(post('/', ''))).rejects.toMatchObject({ failure: 'connect', outcome: 'unknown' });
});

it('leaves no listener on a signal that outlives the request', async () => {
  const server = await startServer(reply(200, ''));
  const { signal } = new AbortController();
  const added = vi.spyOn(signal, 'addEventListener');
  const removed = vi.spyOn(signal, 'removeEventListener');

  await start(server.url).request(get('/', signal));

  expect(added).toHaveBeenCalledTimes(1);
  expect(removed.mock.calls[0]?.[1]).toBe(added.mock.calls[0]?.[1]);
});

function start(baseUrl: URL, options: Partial<HttpClientOptions> = {}) {
  const client = createHttpClient({ upstream: 'allocator', baseUrl, maxResponseBytes: 100_000, ...options });
  onTestFinished(() => client.close());
  return client;
}

function get(path: string, signal = noLimit()): HttpRequest {
  return { method: 'GET', path, signal };
}

function post(path: string, body: string, headers: Record<string, string> = {}): HttpRequest {
  return { method: 'POST', path, body, headers, signal: noLimit() };
}

async function startRaw(onConnection: (socket: net.Socket) => void): Promise<number> {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

/** Its first `dead` connections answer one request and reset at the next, as connections do that slept too long. */
async function startServerThatForgets(dead: number) {
  let connections = 0;
  const waiting: (() => void)[] = [];
  const port = await startRaw((socket) => {
    connections += 1;
    const number = connections;
    let requests = 0;
    socket.on('data', () => {
      requests += 1;
      if (number <= dead && requests > 1) return void socket.resetAndDestroy();
      waiting.push(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
      // The first answers go out together, so that each has a connection of its own.
      if (connections >= dead) for (const answer of waiting.splice(0)) answer();
    });
  });
  return { port, connections: () => connections };
}
