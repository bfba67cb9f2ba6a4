import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nkeys } from 'nats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startNats } from '../../dev/servers/nats.ts';
import { createAuthenticator, type NatsCredentials } from '../../lib/adapters/nats/credentials.ts';
import { fakeLog } from '../relay/fake-message.ts';
import { selfSigned } from './certificate.ts';
import { createJwtAccount } from './jwt-account.ts';
import { reconfigure } from './reconfigure.ts';
import { startRelay } from './start-relay.ts';

/** Ends a test that hangs on a crowded machine; not what is measured. */
const LIMIT = { timeout: 30_000, interval: 20 };

const cleanups: (() => unknown)[] = [];
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relay-credentials-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await rm(folder, { recursive: true });
});

async function startServer(config: string) {
  const server = await startNats({ config });
  cleanups.push(() => server.stop());
  return server;
}

function start(url: string, credentials: NatsCredentials | undefined, tls?: { readonly caFile?: string }) {
  const { log, events } = fakeLog();
  const authenticator = credentials && createAuthenticator(credentials, Date.now, log);
  const started = startRelay(url, undefined, undefined, { tls, ...(authenticator && { authenticator }) });
  cleanups.push(() => started.stop());
  return { door: started.door, events: started.events, credentialEvents: events };
}

async function fileWith(name: string, contents: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, contents, { mode: 0o600 });
  return path;
}

function newSeed() {
  const keys = nkeys.createUser();
  return { seed: Buffer.from(keys.getSeed()).toString(), publicKey: keys.getPublicKey() };
}

it.each([
  ['no credentials', undefined],
  ['a wrong password', { kind: 'user', user: 'u', password: 'canary' }],
  ['a wrong user', { kind: 'user', user: 'canary', password: 'p' }],
  ['a token', { kind: 'token', token: 'canary' }],
] as const)('is refused with %s where a user and a password are wanted', async (_name, credentials) => {
  const server = await startServer('authorization { user: u, password: p }');

  const { door } = start(server.url, credentials);

  await expect.poll(() => door.state(), LIMIT).toBe('credentials_refused');
});

it('gets in with user and password', async () => {
  const server = await startServer('authorization { user: u, password: p }');

  const { door } = start(server.url, { kind: 'user', user: 'u', password: 'p' });

  await expect.poll(() => door.state(), LIMIT).toBe('serving');
});

it('gets in with a token, and not with another', async () => {
  const server = await startServer('authorization { token: t }');

  const right = start(server.url, { kind: 'token', token: 't' });
  const wrong = start(server.url, { kind: 'token', token: 'canary' });

  await expect.poll(() => right.door.state(), LIMIT).toBe('serving');
  await expect.poll(() => wrong.door.state(), LIMIT).toBe('credentials_refused');
});

it('gets in with an nkey from its setting or from a file, and not with another one', async () => {
  const { seed, publicKey } = newSeed();
  const server = await startServer(`authorization { users: [{ nkey: ${publicKey} }] }`);

  const bySetting = start(server.url, { kind: 'nkey_seed', seed });
  const byFile = start(server.url, { kind: 'nkey_file', path: await fileWith('user.nk', `${seed}\n`) });
  const wrong = start(server.url, { kind: 'nkey_seed', seed: newSeed().seed });

  await expect.poll(() => bySetting.door.state(), LIMIT).toBe('serving');
  await expect.poll(() => byFile.door.state(), LIMIT).toBe('serving');
  await expect.poll(() => wrong.door.state(), LIMIT).toBe('credentials_refused');
});

it('gets in with a credentials file, and not with one of an account that the server does not know', async () => {
  const ours = createJwtAccount();
  const server = await startServer(ours.config);

  const right = start(server.url, { kind: 'creds_file', path: await fileWith('a.creds', ours.newUser()) });
  const stranger = await fileWith('b.creds', createJwtAccount().newUser());
  const wrong = start(server.url, { kind: 'creds_file', path: stranger });

  await expect.poll(() => right.door.state(), LIMIT).toBe('serving');
  await expect.poll(() => wrong.door.state(), LIMIT).toBe('credentials_refused');
});

it('gets in once its credentials file has been put right, without a restart', async () => {
  const ours = createJwtAccount();
  const server = await startServer(ours.config);
  const path = await fileWith('a.creds', createJwtAccount().newUser());
  const { door } = start(server.url, { kind: 'creds_file', path });
  await expect.poll(() => door.state(), LIMIT).toBe('credentials_refused');

  await writeFile(path, ours.newUser());

  await expect.poll(() => door.state(), LIMIT).toBe('serving');
});

it('follows an nkey that is rotated on the server and in its file', async () => {
  const [old, next] = [newSeed(), newSeed()];
  const config = (key: string) => `authorization { users: [{ nkey: ${key} }] }`;
  const server = await startServer(config(old.publicKey));
  const path = await fileWith('user.nk', old.seed);
  const { door } = start(server.url, { kind: 'nkey_file', path });
  await expect.poll(() => door.state(), LIMIT).toBe('serving');

  await reconfigure(server, config(next.publicKey));
  await expect.poll(() => door.state(), LIMIT).toBe('credentials_refused');
  await writeFile(path, next.seed);

  await expect.poll(() => door.state(), LIMIT).toBe('serving');
});

it('gets in as soon as the server is told of its user', async () => {
  const server = await startServer('authorization { user: other, password: p }');
  const { door } = start(server.url, { kind: 'user', user: 'u', password: 'p' });
  await expect.poll(() => door.state(), LIMIT).toBe('credentials_refused');

  await reconfigure(server, 'authorization { user: u, password: p }');

  await expect.poll(() => door.state(), LIMIT).toBe('serving');
});

it('waits for a file that is not there yet, and never comes in without it', async () => {
  const { seed } = newSeed();
  const server = await startServer(''); // lets everybody in
  const path = join(folder, 'user.nk');
  const { door, credentialEvents } = start(server.url, { kind: 'nkey_file', path });
  await expect.poll(() => credentialEvents.length, LIMIT).toBeGreaterThan(0);
  expect(door.state()).toBe('not_connected');
  expect(new Set(credentialEvents)).toEqual(new Set(['nats_credentials_unreadable']));

  await writeFile(path, seed);

  await expect.poll(() => door.state(), LIMIT).toBe('serving');
});

it('uses what it read last while the file is gone or half written, and complains of that every 10 s', async () => {
  const { seed, publicKey } = newSeed();
  const { log, events } = fakeLog();
  const path = await fileWith('user.nk', seed);
  let nowMs = 0;
  const authenticate = createAuthenticator({ kind: 'nkey_file', path }, () => nowMs, log);
  expect(authenticate('nonce')).toMatchObject({ nkey: publicKey });

  await writeFile(path, seed.slice(0, 20));
  expect(authenticate('nonce')).toMatchObject({ nkey: publicKey });
  nowMs = 9999;
  await rm(path);
  expect(authenticate('nonce')).toMatchObject({ nkey: publicKey });
  expect(events).toEqual(['nats_credentials_unreadable']);
  nowMs = 10_000;
  expect(authenticate('nonce')).toMatchObject({ nkey: publicKey });

  expect(events).toEqual(['nats_credentials_unreadable', 'nats_credentials_unreadable']);
});

describe('over TLS', () => {
  async function startTls() {
    const { cert, key } = selfSigned();
    const certFile = await fileWith('server.pem', cert);
    const keyFile = await fileWith('server.key', key);
    const login = 'authorization { user: u, password: p }';
    const server = await startServer(`tls { cert_file: "${certFile}", key_file: "${keyFile}" }\n${login}`);
    return { url: `tls://localhost:${server.port}`, byAddress: `tls://127.0.0.1:${server.port}`, caFile: certFile };
  }
  const USER = { kind: 'user', user: 'u', password: 'p' } as const;

  it('gets in to a server whose authority it was given', async () => {
    const { url, byAddress, caFile } = await startTls();

    const byName = start(url, USER, { caFile });
    const byNumber = start(byAddress, USER, { caFile });

    await expect.poll(() => byName.door.state(), LIMIT).toBe('serving');
    await expect.poll(() => byNumber.door.state(), LIMIT).toBe('serving');
  });

  it('sends nothing to a server that nobody vouches for', async () => {
    const { url } = await startTls();

    const { door, events } = start(url, USER, {});

    await expect.poll(() => events, LIMIT).toContain('nats_not_reached');
    expect(door.state()).toBe('not_connected');
  });

  it('sends nothing to another server than its authority vouches for, and gets in when the file is put right', async () => {
    const { url, caFile } = await startTls();
    const ca = await fileWith('ca.pem', selfSigned().cert);
    const { door, events } = start(url, USER, { caFile: ca });
    await expect.poll(() => events, LIMIT).toContain('nats_not_reached');
    expect(door.state()).toBe('not_connected');

    await copyFile(caFile, ca);

    await expect.poll(() => door.state(), LIMIT).toBe('serving');
  });

  it('sends no password to a server that offers no TLS', async () => {
    const server = await startServer('authorization { user: u, password: p }');

    const { door, events } = start(server.url, USER, {});

    await expect.poll(() => events, LIMIT).toContain('nats_not_reached');
    expect(door.state()).toBe('not_connected');
  });
});
