import { fileURLToPath } from 'node:url';
import { connect } from 'nats';
import { afterEach, expect, it } from 'vitest';
import { type LambdaHostOptions, startLambdaHost } from '../../dev/lambda-host/start-lambda-host.ts';
import { freePort } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { startProcess } from './relay-process.ts';

/** Ends a test that hangs on a crowded machine; not what is measured. */
const LIMIT = { timeout: 30_000, interval: 20 };
const ROOT = fileURLToPath(new URL('../dev/fixtures/iam', import.meta.url));
const KEYS = { accessKeyId: 'AKIALOCAL', secretAccessKey: 'canary-secret' };
const PLACED = { success: true, instance_id: '10.0.0.3' };

interface Health {
  readonly calls: number;
  readonly retried: number;
  readonly upstream_failures: { readonly refused: number };
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A relay with `env` before a function URL that checks signatures. */
async function startAll(env: Readonly<Record<string, string>>, options: LambdaHostOptions = {}) {
  const nats = await startNats();
  cleanups.push(() => nats.stop());
  const host = await startLambdaHost({ root: ROOT, logFile: '/dev/null', iam: KEYS, ...options });
  cleanups.push(() => host.stop());
  const port = await freePort();
  const relay = startProcess([], {
    NATS_URL: nats.url,
    ALLOCATOR_URL: `${host.functionUrl}batch`,
    ALLOCATOR_AUTH: 'iam',
    AWS_REGION: 'eu-central-1',
    // No role of this machine, wherever this runs.
    AWS_EC2_METADATA_DISABLED: 'true',
    KEEP_WARM: '0',
    PORT: String(port),
    ...env,
  });
  cleanups.push(async () => {
    relay.kill('SIGKILL');
    await relay.ended;
  });
  const probe = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    return response && ((await response.json()) as Record<string, unknown>);
  };
  await expect.poll(() => probe('/readyz'), LIMIT).toEqual({ ready: true });
  const nc = await connect({ servers: nats.url });
  cleanups.push(() => nc.close());
  const ask = async () =>
    (await nc.request('game.assign.request', JSON.stringify({ game_id: 'g1' }), { timeout: 5000 })).json();
  const figures = async () => {
    const { calls, retried, upstream_failures } = (await probe('/health')) as unknown as Health;
    return { calls, retried, refused: upstream_failures.refused };
  };
  return { relay, probe, figures, ask, host };
}

it('gets in with the keys in its environment', async () => {
  const { ask, figures } = await startAll({
    AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
  });

  // The first ones may find the function cold, and the AWS SDK not loaded yet.
  await expect.poll(ask, LIMIT).toEqual(PLACED);

  const before = await figures();
  expect(await ask()).toEqual(PLACED);
  expect(await figures()).toEqual({ ...before, calls: before.calls + 1 });
});

it('F19: does not get in with another secret, says why, and does not try it again', async () => {
  const { ask, figures, probe, relay, host } = await startAll({
    AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: 'canary-wrong',
  });
  const askOnce = async () => {
    expect(await ask()).toMatchObject({ success: false, code: 'upstream_unavailable', retryable: true });
    return relay.output();
  };

  await expect.poll(askOnce, LIMIT).toMatch(/ ERROR .*allocator_unavailable .*allocator: refused 403/);
  const before = await figures();
  for (let i = 0; i < 3; i += 1) await askOnce();

  expect(await figures()).toEqual({ calls: before.calls + 3, retried: 0, refused: before.refused + 3 });
  expect(await probe('/readyz')).toEqual({ ready: true }); // NATS is well, and another relay would be refused too
  expect(relay.output()).not.toContain('canary');
  expect(host.counters['batch']?.invocations).toBe(0);
});

it('does not get in without any credentials, and says why', async () => {
  const { ask, figures, relay } = await startAll({ HOME: '/nonexistent' });

  await expect.poll(ask, LIMIT).toMatchObject({ success: false, code: 'upstream_unavailable' });

  expect((await figures()).refused).toBeGreaterThan(0);
  await expect
    .poll(async () => {
      await ask();
      return relay.output();
    }, LIMIT)
    .toMatch(/ERROR .*allocator: refused.*CredentialsProviderError/);
});

it('does not get in with the token of another door', async () => {
  const { ask, figures } = await startAll({ ALLOCATOR_AUTH: 'token', ALLOCATOR_TOKEN: 'canary-token' });

  expect(await ask()).toMatchObject({ success: false, code: 'upstream_unavailable' });

  expect(await figures()).toEqual({ calls: 1, retried: 0, refused: 1 });
});
