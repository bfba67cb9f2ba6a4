import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/**
 * What becomes of bytes between a client and the target, of any protocol:
 * - `pass`: they go through
 * - `freeze`: connections stay open and nothing goes through, as if the other side had lost its power; what was held goes
 *   through with the next `pass`
 * - `drop`: what the client sends goes through, and at the first byte that comes back the connection is reset instead
 * - `reset`: connections are reset, those that are open and those to come
 * - `refuse`: nobody listens, and open connections are reset
 * - a number: what comes back is that many ms late
 */
export type TcpFault = 'pass' | 'freeze' | 'drop' | 'reset' | 'refuse' | { readonly delayMs: number };

export interface FaultProxy {
  readonly port: number;
  /** From now on, for open connections too. */
  set(fault: TcpFault): Promise<void>;
  close(): Promise<void>;
}

/** A TCP proxy on 127.0.0.1 before 127.0.0.1:`targetPort`, for faults on the way. HTTP has one that knows its requests. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  let fault: TcpFault = 'pass';
  const pairs = new Set<Pair>();
  const server = createServer((client) => {
    if (fault === 'reset') return client.resetAndDestroy();
    const pair: Pair = { client, target: connect(targetPort, '127.0.0.1'), frozen: [] };
    pairs.add(pair);
    for (const socket of [client, pair.target]) {
      socket.setNoDelay(true);
      socket.on('error', () => cut(pair));
      socket.on('close', () => cut(pair));
    }
    client.on('data', (bytes) => passOn(pair, () => pair.target.write(bytes)));
    pair.target.on('data', (bytes) => passOn(pair, () => giveBack(pair, bytes)));
  });

  function passOn(pair: Pair, step: () => void): void {
    if (fault === 'freeze' || pair.frozen.length > 0) pair.frozen.push(step);
    else step();
  }

  function giveBack(pair: Pair, bytes: Buffer): void {
    if (fault === 'drop') cut(pair);
    else if (typeof fault === 'string') pair.client.write(bytes);
    else setTimeout(() => pair.client.write(bytes), fault.delayMs);
  }

  function cut(pair: Pair): void {
    pairs.delete(pair);
    for (const socket of [pair.client, pair.target]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
  }

  async function listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  }

  function cutAll(): void {
    for (const pair of pairs) cut(pair);
  }

  async function stopListening(): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    cutAll();
    await closed;
  }

  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async set(next) {
      fault = next;
      if (next === 'refuse') return stopListening();
      if (!server.listening) await listen(port);
      if (next === 'reset') cutAll();
      if (next === 'freeze') return;
      for (const pair of pairs) {
        for (const step of pair.frozen.splice(0)) step();
      }
    },
    close: stopListening,
  };
}

interface Pair {
  readonly client: Socket;
  readonly target: Socket;
  /** What waits until it is no longer frozen, in order. */
  readonly frozen: (() => void)[];
}
