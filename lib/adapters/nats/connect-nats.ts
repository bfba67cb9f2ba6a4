import { type Authenticator, connect, type NatsConnection, type NodeConnectionOptions } from 'nats';
import type { ReconnectPace } from './reconnect-pace.ts';

const DEFAULT_PORT = 4222;

export interface NatsAddress {
  /** nats:// or tls:// URLs of servers of one cluster. */
  readonly servers: readonly string[];
  /** Without it the client sends its password in clear to a server that offers no TLS. */
  readonly tls: NatsTls | undefined;
  /** What the server's own monitoring shows for this connection. */
  readonly name: string;
  readonly authenticator?: Authenticator;
}

export interface NatsTls {
  /** A PEM file with the authorities that vouch for the servers, read at each connect; absent: those that Node knows. */
  readonly caFile?: string;
}

/**
 * Tries each server once, and rejects with what the last of them said: the client's own waiting for a first connect
 * would keep that to itself. From the first connect on it reconnects for ever, at `pace`.
 */
export async function connectNats(address: NatsAddress, pace: ReconnectPace): Promise<NatsConnection> {
  const nc = await connect(natsOptions(address, pace));
  // The client forgets for good whom it could not reach on the way to its first connection.
  const known = nc.getServers().map(({ listen }) => listen);
  const forgotten = address.servers.map(toListen).filter((listen) => !known.includes(listen));
  if (forgotten.length > 0) nc.setServers([...known, ...forgotten]);
  return nc;
}

/** A server as the client calls it: `host:port`. */
function toListen(server: string): string {
  const { hostname, port } = new URL(server);
  return `${hostname.toLowerCase()}:${port || DEFAULT_PORT}`;
}

/** The client's defaults give up after ten attempts, at the second refusal of credentials, and notice a dead server late. */
function natsOptions({ servers, tls, name, authenticator }: NatsAddress, pace: ReconnectPace): NodeConnectionOptions {
  return {
    servers: [...servers],
    name,
    maxReconnectAttempts: -1,
    // Credentials are rotated on the server first or on the client first; either way they fit again later.
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: () => pace.delayMs(),
    timeout: 5000,
    // A server that has stopped without closing its connections is noticed after three of these.
    pingInterval: 5000,
    maxPingOut: 2,
    // Stack traces of requests, which the relay makes none of.
    noAsyncTraces: true,
    ...(tls === undefined ? {} : { tls: { ...tls } }),
    ...(authenticator === undefined ? {} : { authenticator }),
  };
}
