import { type Authenticator, connect, type NatsConnection, type NodeConnectionOptions } from 'nats';

export interface NatsAddress {
  /** nats:// or tls:// URLs of servers of one cluster. */
  readonly servers: readonly string[];
  /** Without it the client sends its password in clear to a server that offers no TLS. */
  readonly tls: boolean;
  /** What the server's own monitoring shows for this connection. */
  readonly name: string;
  readonly authenticator?: Authenticator;
}

/** Connects, however long that takes, and from then on reconnects for ever. Rejects only for unusable options. */
export function connectNats(address: NatsAddress): Promise<NatsConnection> {
  return connect(natsOptions(address));
}

/** The client's defaults give up after ten attempts, at the second refusal of credentials, and notice a dead server late. */
function natsOptions({ servers, tls, name, authenticator }: NatsAddress): NodeConnectionOptions {
  return {
    servers: [...servers],
    name,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    // Credentials are rotated on the server first or on the client first; either way they fit again later.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    reconnectJitterTLS: 750,
    timeout: 5000,
    // A server that has stopped without closing its connections is noticed after three of these.
    pingInterval: 5000,
    maxPingOut: 2,
    // Stack traces of requests, which the relay makes none of.
    noAsyncTraces: true,
    ...(tls ? { tls: {} } : {}),
    ...(authenticator === undefined ? {} : { authenticator }),
  };
}
