import { createServer } from 'node:net';

/** Below Linux's ephemeral ports (32768 and up): there an outgoing connection can hold the port that was just free. */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const TRIES = 100;

/** `count` different ports in 20000-32000 that were free on `host` a moment ago; whoever binds one must still retry. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<readonly number[]> {
  const found = new Set<number>();
  for (let attempt = 0; attempt < TRIES + count && found.size < count; attempt += 1) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (await isFree(port, host)) found.add(port);
  }
  if (found.size < count) throw new Error(`No ${count} free ports between ${LOWEST} and ${HIGHEST} on ${host}`);
  return [...found];
}

/** One such port. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const [port] = await freePorts(1, host);
  if (port === undefined) throw new Error('unreachable: freePorts returns as many as asked');
  return port;
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
