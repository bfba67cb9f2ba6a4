import type { Server } from 'node:http';
import { freePort } from '../servers/free-port.ts';

const PORT_TRIES = 10;

/** Lets every server listen at its own address, all on one port, and returns the port. */
export async function listenAll(
  servers: readonly { readonly address: string; readonly server: Server }[],
): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(servers[0]?.address);
    const results = await Promise.allSettled(servers.map(({ server, address }) => listen(server, port, address)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) return port;
    await Promise.all(servers.map(({ server }) => closeServer(server)));
    if (attempt === PORT_TRIES)
      throw new Error('No port is free at every address of the fleet', { cause: failed.reason });
  }
}

/** Stops listening and drops the connections that Prometheus keeps open. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // The only error here is that it was not listening, which is what is wanted.
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Lets a server that was closed listen again as well. */
export function listen(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
