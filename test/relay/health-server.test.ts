import { afterEach, expect, it } from 'vitest';
import { type HealthServer, startHealthServer } from '../../lib/relay/health-server.ts';
import { createMetricsDoor } from '../../lib/relay/metrics-door.ts';

let server: HealthServer | undefined;
afterEach(() => server?.close());

async function ask(path: string, reason: string | undefined, method = 'GET') {
  server = await startHealthServer({ port: 0, notReady: () => reason, details: () => ({ in_flight: 3 }) });
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return { status: response.status, body: method === 'HEAD' ? undefined : await response.json() };
}

it.each([
  ['/livez', undefined, 200, { status: 'ok' }],
  ['/livez', 'draining', 200, { status: 'ok' }],
  ['/readyz', undefined, 200, { ready: true }],
  ['/readyz', 'not_connected', 503, { ready: false, reason: 'not_connected' }],
  ['/readyz?verbose', 'draining', 503, { ready: false, reason: 'draining' }],
  ['/health', undefined, 200, { status: 'ok', in_flight: 3 }],
  ['/health', 'not_subscribed', 503, { status: 'not_subscribed', in_flight: 3 }],
  ['/', undefined, 404, { message: 'There is nothing at this address.' }],
])('answers %s with reason %s: %i', async (path, reason, status, body) => {
  expect(await ask(path, reason)).toEqual({ status, body });
});

it('answers a HEAD like a GET and refuses other methods', async () => {
  expect((await ask('/readyz', 'draining', 'HEAD')).status).toBe(503);
  server?.close();
  expect((await ask('/readyz', undefined, 'POST')).status).toBe(405);
  server?.close();
  expect((await ask('/assign', undefined, 'POST')).status).toBe(404);
});

it('shows the metrics as they are, ready or not', async () => {
  const metrics = { contentType: 'text/plain; version=0.0.4', text: async () => 'a_total 1\n' };
  server = await startHealthServer({
    port: 0,
    notReady: () => 'draining',
    details: () => ({}),
    doors: [createMetricsDoor(metrics)],
  });

  const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);

  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4']);
  expect(await response.text()).toBe('a_total 1\n');
});

it('has no metrics where nobody makes any, and goes on when they cannot be made', async () => {
  expect((await ask('/metrics', undefined)).status).toBe(404);
  server?.close();
  const metrics = { contentType: 'text/plain', text: () => Promise.reject(new Error('x')) };
  server = await startHealthServer({
    port: 0,
    notReady: () => undefined,
    details: () => ({}),
    doors: [createMetricsDoor(metrics)],
  });

  expect((await fetch(`http://127.0.0.1:${server.port}/metrics`)).status).toBe(500);
  expect((await fetch(`http://127.0.0.1:${server.port}/livez`)).status).toBe(200);
});

it('rejects when the port is taken', async () => {
  server = await startHealthServer({ port: 0, notReady: () => undefined, details: () => ({}) });

  const second = startHealthServer({ port: server.port, notReady: () => undefined, details: () => ({}) });

  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
