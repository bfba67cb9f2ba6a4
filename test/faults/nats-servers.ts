import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePorts } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';

/** Two servers of one cluster, for this test; unless `hidden`, each tells its clients of the other. */
export async function startCluster(hidden: 'hidden' | '' = ''): Promise<readonly [RunningServer, RunningServer]> {
  const ports = await freePorts(2);
  const start = (own = 0, other = 0) =>
    startNats({
      config: `
        server_name: server-${own}
        cluster { name: test, host: 127.0.0.1, port: ${own}, routes: [ nats://127.0.0.1:${other} ], no_advertise: ${hidden !== ''} }
        lame_duck_grace_period: "1s"
        lame_duck_duration: "30s"`,
    });
  const [one, other] = await Promise.all([start(ports[0], ports[1]), start(ports[1], ports[0])]);
  onTestFinished(async () => void (await Promise.all([one.stop(), other.stop()])));
  return [one, other];
}

/** What a relay logs in with. */
export const RELAY_LOGIN = { NATS_USER: 'relay', NATS_PASSWORD: `canary-${crypto.randomUUID()}` };

/** A server that knows who its clients are, for this test: callers need no login, relays do. */
export async function startNatsWithLogins(): Promise<{
  readonly server: RunningServer;
  /** What the relay may do from now on, in the words of nats-server's configuration; undefined: its login is revoked. */
  setRelay(permissions: string | undefined): Promise<void>;
  /** Logins that were refused since the start. */
  refusals(): Promise<number>;
}> {
  const server = await startNats({ config: authorization('') });
  onTestFinished(() => server.stop());
  return {
    server,
    async setRelay(permissions) {
      const file = join(dirname(server.logFile), 'nats.conf');
      await writeFile(file, `host: 127.0.0.1\nport: ${server.port}\n${authorization(permissions)}\n`);
      server.signal('SIGHUP'); // reads it again
    },
    refusals: async () => (await readFile(server.logFile, 'utf8')).split('authentication error').length - 1,
  };
}

function authorization(relayPermissions: string | undefined): string {
  const { NATS_USER, NATS_PASSWORD } = RELAY_LOGIN;
  const relay = `{ user: ${NATS_USER}, password: "${NATS_PASSWORD}", ${relayPermissions} }`;
  return `
    authorization { users: [ { user: caller, password: unused }, ${relayPermissions === undefined ? '' : relay} ] }
    no_auth_user: caller`;
}
