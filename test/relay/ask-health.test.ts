import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../dev/servers/free-port.ts';
import { askHealth } from '../../lib/relay/ask-health.ts';
import { startHealthServer } from '../../lib/relay/health-server.ts';

async function start() {
  const state = { reason: 'not_connected' as string | undefined };
  const server = await startHealthServer({ port: 0, notReady: () => state.reason, details: () => ({}) });
  onTestFinished(server.close);
  return { state, port: server.port };
}

it('finds a relay unwell that was never ready', async () => {
  const { port } = await start();

  expect(await askHealth(port)).toBe(false);
});

it('finds a relay well that is ready, and one that lost its connection later too', async () => {
  const { state, port } = await start();
  state.reason = undefined;
  expect(await askHealth(port)).toBe(true);

  state.reason = 'not_connected';

  expect(await askHealth(port)).toBe(true);
});

it('finds no relay where nobody answers', async () => {
  expect(await askHealth(await freePort())).toBe(false);
});

it('finds a relay unwell that ends the connection without an answer', async () => {
  const port = await freePort();
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  onTestFinished(() => void server.close());

  expect(await askHealth(port)).toBe(false);
});
