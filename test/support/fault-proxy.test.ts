import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type HttpFault, startHttpFaultProxy } from './http-fault-proxy.ts';
import { reply, startServer } from './http-server.ts';

/** A server that sends back what it gets, and the proxy before it. */
async function startEcho(): Promise<{ proxy: FaultProxy; received: () => string }> {
  let received = '';
  const server = createServer((socket) => {
    socket.on('data', (bytes) => {
      received += bytes.toString();
      socket.write(bytes);
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await startFaultProxy((server.address() as AddressInfo).port);
  onTestFinished(async () => {
    await proxy.close();
    server.close();
  });
  return { proxy, received: () => received };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** What comes back on the connection after `text` was sent: text, or the code of the error that ends it. */
function exchange(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (bytes) => resolve(bytes.toString()));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.write(text);
  });
}

it('passes bytes both ways', async () => {
  const { proxy } = await startEcho();

  expect(await exchange(await open(proxy.port), 'hello')).toBe('hello');
});

it('loses what comes back, after the other side has had the request', async () => {
  const { proxy, received } = await startEcho();
  await proxy.set('drop');

  expect(await exchange(await open(proxy.port), 'hello')).toBe('ECONNRESET');
  expect(received()).toBe('hello');
});

it('resets connections that are open when it begins to', async () => {
  const { proxy } = await startEcho();
  const socket = await open(proxy.port);
  await exchange(socket, 'hello');
  const code = new Promise((resolve) => socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)));

  await proxy.set('reset');

  expect(await code).toBe('ECONNRESET');
});

it('refuses, and listens again on the same port', async () => {
  const { proxy } = await startEcho();
  await proxy.set('refuse');
  await expect(open(proxy.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });

  await proxy.set('pass');

  expect(await exchange(await open(proxy.port), 'hello')).toBe('hello');
});

it('holds everything back while frozen, and loses none of it', async () => {
  const { proxy, received } = await startEcho();
  const socket = await open(proxy.port);
  await exchange(socket, 'a');
  await proxy.set('freeze');
  const answer = exchange(socket, 'b');
  // By the time that many more connections have been taken, the first one's bytes would have been there.
  for (let opened = 0; opened < 30; opened += 1) await open(proxy.port);
  expect(received()).toBe('a');

  await proxy.set('pass');

  expect(await answer).toBe('b');
});

it('delays what comes back', async () => {
  const { proxy } = await startEcho();
  await proxy.set({ delayMs: 50 });
  const beganAt = performance.now();

  expect(await exchange(await open(proxy.port), 'hello')).toBe('hello');
  expect(performance.now() - beganAt).toBeGreaterThanOrEqual(49);
});

async function throughHttp(fault: HttpFault) {
  const server = await startServer(reply(200, 'from the target', { 'x-from': 'target' }));
  const proxy = await startHttpFaultProxy(server.url.origin);
  onTestFinished(() => proxy.close());
  proxy.set(fault);
  const signal = AbortSignal.timeout(fault.kind === 'hang' ? 200 : 10_000);
  const outcome = await fetch(`${proxy.url}/path?q=1`, { method: 'POST', body: 'asked', signal }).then(
    async (answer) => ({ status: answer.status, from: answer.headers.get('x-from'), body: await answer.text() }),
    (error: Error) => error.name,
  );
  return { outcome, seen: server.requests.map(({ method, url, body }) => `${method} ${url} ${body}`), proxy };
}

const ASKED = ['POST /path?q=1 asked'];
const ANSWERED = { status: 200, from: 'target', body: 'from the target' };

it.each<[string, HttpFault, unknown, string[]]>([
  ['passes a request on', { kind: 'pass' }, ANSWERED, ASKED],
  ['loses the answer of a request that was carried out', { kind: 'drop' }, 'TypeError', ASKED],
  ['gives the answer late', { kind: 'late', ms: 20 }, ANSWERED, ASKED],
  [
    'changes the answer',
    { kind: 'edit', edit: (answer) => ({ ...answer, status: 202, body: `${answer.body}: Grüße` }) },
    { status: 202, from: 'target', body: 'from the target: Grüße' },
    ASKED,
  ],
  [
    'answers by itself',
    { kind: 'answer', status: 429, body: 'later', headers: { 'x-from': 'proxy' } },
    { status: 429, from: 'proxy', body: 'later' },
    [],
  ],
  ['never answers', { kind: 'hang' }, 'TimeoutError', []],
  ['resets the connection', { kind: 'reset' }, 'TypeError', []],
])('%s over HTTP, and counts it', async (_what, fault, expected, seenByTarget) => {
  const { outcome, seen, proxy } = await throughHttp(fault);

  expect(outcome).toEqual(expected);
  expect(seen).toEqual(seenByTarget);
  expect(proxy.counts()[fault.kind]).toBe(1);
});
