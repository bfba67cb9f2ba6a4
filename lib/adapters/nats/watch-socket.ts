import type { Socket } from 'node:net';
import type { NatsConnection } from 'nats';

/**
 * Calls `ended` at the first sign that the connection's present socket ends. The client itself tells of it when the
 * socket has been closed on this side too, and throws away without a word what is published in between. Returns what
 * closes that socket at once: the client waits until all is sent, which a server that has stopped may never let happen.
 */
export function watchSocket(nc: NatsConnection, ended: () => void): () => void {
  const socket = socketOf(nc);
  for (const event of ['end', 'error', 'close']) socket?.once(event, ended);
  return () => socket?.destroy();
}

/** The client keeps it to itself. Where another version keeps it elsewhere, its status tells the same a little later. */
function socketOf(nc: NatsConnection): Socket | undefined {
  const { protocol } = nc as { readonly protocol?: { readonly transport?: { readonly socket?: Socket } } };
  return protocol?.transport?.socket;
}
