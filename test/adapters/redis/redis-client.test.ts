import { expect, it, onTestFinished, vi } from 'vitest';
import { type RedisOptions as ServerOptions, startRedis } from '../../../dev/servers/redis.ts';
import { createRedisClient, type RedisOptions } from '../../../lib/adapters/redis/redis-client.ts';
import { freePort, noLimit } from '../../support/http-server.ts';

const LONG_MS = 30_000;

it('says that nothing was sent when nothing listens, without waiting for its limit', async () => {
  const client = connect({ port: await freePort() });

  await expect(client.get('k', noLimit())).rejects.toMatchObject({ failure: 'connect', outcome: 'none' });
  // And while it waits for its next try.
  await expect(client.get('k', noLimit())).rejects.toMatchObject({
    failure: 'connect',
    outcome: 'none',
    cause: { code: 'ECONNREFUSED' },
  });
});

it('says that nothing was sent when its limit passes before the connection is made', async () => {
  const redis = await start();
  redis.signal('SIGSTOP');
  const client = connect({ port: redis.port });

  await expect(client.get('k', AbortSignal.timeout(50))).rejects.toMatchObject({ failure: 'connect', outcome: 'none' });
});

it('reports reset with the outcome unknown when the connection breaks while it waits', async () => {
  const redis = await start();
  const client = connect({ port: redis.port });
  await client.set('k', 'v', 60, noLimit());
  redis.signal('SIGSTOP');

  const waiting = client.get('k', noLimit());
  redis.signal('SIGKILL');

  await expect(waiting).rejects.toMatchObject({ failure: 'reset', outcome: 'unknown' });
});

it('gives up a connection on which nothing comes back, so that commands do not pile up on it', async () => {
  const redis = await start();
  const client = connect({ port: redis.port });
  await client.set('k', 'v', 60, noLimit());
  redis.signal('SIGSTOP');

  // No limit of its own: only the silence ends it.
  await expect(client.get('k', noLimit())).rejects.toMatchObject({ failure: 'reset', outcome: 'unknown' });
});

it('keeps the values of a command out of its error', async () => {
  const redis = await start();
  const client = connect({ port: redis.port });
  await client.set('k', 'v', 60, noLimit());

  const error: unknown = await client.set('k', 'hidden', -1, noLimit()).catch((reason) => reason);

  expect(error).toMatchObject({ failure: 'error_reply', message: 'redis: error_reply' });
  expect(JSON.stringify((error as Error).cause)).not.toContain('hidden');
  expect((error as Error).cause).not.toHaveProperty('command');
});

it('takes a new password at its next connection', async () => {
  const redis = await start({ password: 'new' });
  let password = 'old';
  const client = connect({ port: redis.port, password: () => password });
  await expect(client.get('k', noLimit())).rejects.toMatchObject({ failure: 'refused', outcome: 'none' });

  password = 'new';

  await eventually(async () => expect(await client.get('k', noLimit())).toBeUndefined());
});

it('uses its database and no other', async () => {
  const redis = await start();
  await connect({ port: redis.port, db: 3 }).set('k', 'v', 60, noLimit());

  expect(await connect({ port: redis.port, db: 3 }).get('k', noLimit())).toBe('v');
  expect(await connect({ port: redis.port, db: 0 }).get('k', noLimit())).toBeUndefined();
});

it('does not fall back to database 0 when its own does not exist', async () => {
  const redis = await start();
  const client = connect({ port: redis.port, db: 16 });

  for (let i = 0; i < 5; i += 1) {
    await expect(client.set('k', 'v', 60, noLimit())).rejects.toMatchObject({ failure: 'connect', outcome: 'none' });
  }
  expect(await connect({ port: redis.port }).get('k', noLimit())).toBeUndefined();
});

it('fails as connect after it was closed', async () => {
  const redis = await start();
  const client = connect({ port: redis.port });
  await client.set('k', 'v', 60, noLimit());

  client.close();

  await eventually(async () => {
    await expect(client.get('k', noLimit())).rejects.toMatchObject({ failure: 'connect', outcome: 'none' });
  });
});

async function start(options: ServerOptions = {}) {
  const redis = await startRedis(options);
  onTestFinished(() => redis.stop());
  return redis;
}

function connect(options: Partial<RedisOptions> & { port: number }) {
  const client = createRedisClient({ host: '127.0.0.1', db: 0, password: () => undefined, ...options });
  onTestFinished(() => client.close());
  return client;
}

async function eventually(check: () => Promise<void>): Promise<void> {
  await vi.waitFor(check, { timeout: LONG_MS, interval: 20 });
}
