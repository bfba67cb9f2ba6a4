import { setTimeout as pause } from 'node:timers/promises';
import type { Service } from '@nats-io/services';
import { type Msg, type NatsConnection, PermissionViolationError } from 'nats';
import type { Clock, Log } from '../../app/ports.ts';
import { limitRate } from '../../relay/limit-rate.ts';
import { createOutbox } from '../../relay/outbox.ts';
import { addService, type ServiceEndpoint, type ServiceOptions } from './add-service.ts';
import { connectNats, type NatsAddress } from './connect-nats.ts';
import { toNatsMessage } from './nats-message.ts';
import { createReconnectPace } from './reconnect-pace.ts';
import { createRefusal } from './refusal.ts';
import { watchSocket } from './watch-socket.ts';

/**
 * `credentials_refused` while the server answers and does not let us in; `not_subscribed` while it takes no subscription
 * of ours although we are connected.
 */
export type NatsState = 'serving' | 'not_connected' | 'credentials_refused' | 'not_subscribed' | 'draining';

export interface NatsDoorOptions {
  readonly address: NatsAddress;
  readonly service: ServiceOptions;
  /** The one on which messages' replies say how long they are of use. */
  readonly clock: Clock;
  readonly log: Log;
}

export interface NatsDoor {
  state(): NatsState;
  /** Whether the socket is up; also while draining. */
  connected(): boolean;
  /**
   * Replies that were ready while the connection was down and whose time was over when it was up again, and whatever
   * the server would not let us publish.
   */
  repliesLost(): number;
  /**
   * Sends a message that nobody is to answer. False where the connection is down, and it would be thrown away without
   * a word. Throws when NATS takes no such subject, or no payload of that size.
   */
  publish(subject: string, payload: Uint8Array): boolean;
  /** Resolves when the connection is over for good, with the reason if there is one; it never comes back then. */
  readonly closed: Promise<unknown>;
  /** Unsubscribes; resolves when every message that was on its way here has been handed to its endpoint. */
  stopTaking(): Promise<void>;
  /** Resolves when every reply has reached the server, or is of no use any more while there is none. */
  flush(): Promise<void>;
  /** Replies that are still kept are thrown away. */
  close(): Promise<void>;
}

/** How often a server that cannot be reached, or refuses us, is complained of. */
const COMPLAIN_EVERY_MS = 10_000;
/** Between two looks at whether kept replies have gone, or have become useless. */
const LOOK_EVERY_MS = 20;
/** Before a lost subscription is tried again; doubled each time it is lost at once again. */
const RESUBSCRIBE_MIN_MS = 500;
const RESUBSCRIBE_MAX_MS = 10_000;

/** Opens the service's door on NATS. Returns at once: it connects, reconnects and subscribes again for ever. */
export function openNatsDoor({ address, service: serviceOptions, clock, log }: NatsDoorOptions): NatsDoor {
  let connection: NatsConnection | undefined;
  let service: Service | undefined;
  let closeSocket: () => void = () => undefined;
  let connected = false;
  let confirmed = false;
  let draining = false;
  let publishesRefused = 0;
  let resubscribeMs = RESUBSCRIBE_MIN_MS;
  let resubscribing: NodeJS.Timeout | undefined;
  const pace = createReconnectPace(clock, Math.random, address.tls !== undefined);
  const outbox = createOutbox(clock);
  const refusal = createRefusal();
  const complain = limitRate<unknown>(clock, COMPLAIN_EVERY_MS, (attempts, error) => {
    // What is refused stays refused until a person changes it.
    if (refusal.current()) log.error('nats_credentials_refused', { attempts }, error);
    else log.warning('nats_not_reached', { attempts }, error);
  });
  const logPublishRefused = limitRate<unknown>(clock, 1000, (publishes, error) =>
    log.error('nats_publish_refused', { publishes }, error),
  );

  async function run(): Promise<unknown> {
    const nc = await connectForEver();
    if (nc === undefined) return undefined;
    connection = nc;
    onConnected(nc);
    log.info('nats_connected');
    watch(nc).catch((error: unknown) => log.error('nats_watch_failed', {}, error));
    await subscribe(nc);
    return nc.closed();
  }

  /** Undefined where it was told to close before it was connected. */
  async function connectForEver(): Promise<NatsConnection | undefined> {
    while (!draining) {
      try {
        const nc = await connectNats(address, pace);
        if (!draining) return nc;
        await nc.close();
      } catch (error) {
        if (!refusal.heard(error)) refusal.clear();
        complain(error);
        await pause(pace.delayMs());
      }
    }
    return undefined;
  }

  function onConnected(nc: NatsConnection): void {
    connected = true;
    refusal.clear();
    pace.connected();
    closeSocket = watchSocket(nc, onDisconnected);
    outbox.release();
  }

  /** Comes twice for most connections: when the socket is seen to end, and when the client says so, some moments later. */
  function onDisconnected(): void {
    connected = false;
    confirmed = false;
    outbox.hold();
  }

  async function watch(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      switch (status.type) {
        case 'disconnect':
          onDisconnected();
          log.warning('nats_disconnected');
          break;
        case 'reconnecting':
          refusal.attempts();
          break;
        case 'reconnect':
          onConnected(nc);
          log.info('nats_reconnected', { replies_lost_so_far: repliesLost() });
          void confirm(nc);
          break;
        case 'ldm':
          log.warning('nats_server_leaving');
          break;
        case 'staleConnection':
          // The client calls it so as well when a server that is well throws us out.
          if (!refusal.current()) log.warning('nats_server_silent');
          onDisconnected();
          closeSocket();
          break;
        case 'error':
          if (refusal.heard(status.error)) complain(status.error);
          else onError(status.error);
          break;
        default:
          log.debug('nats_status', { type: status.type });
      }
    }
  }

  function onError(error: Error): void {
    if (error instanceof PermissionViolationError && error.operation === 'publish') {
      publishesRefused += 1;
      logPublishRefused(error);
      return;
    }
    log.warning('nats_error', {}, error);
    endRefused(error);
  }

  /**
   * A permission that is taken away while we are subscribed is reported without the queue group, and the client then
   * finds no subscription to close: it goes on as if it had one (nats-server 2.9 with nats-core 3.4). All
   * subscriptions of this connection are the service's.
   */
  function endRefused(error: Error): void {
    if (error instanceof PermissionViolationError && error.operation === 'subscription') void service?.stop(error);
  }

  async function subscribe(nc: NatsConnection): Promise<void> {
    if (draining || nc.isClosed()) return;
    try {
      const added = await addService(nc, serviceOptions, take);
      service = added;
      added.stopped.then((reason) => subscribeLater(nc, reason)).catch((error: unknown) => subscribeLater(nc, error));
    } catch (error) {
      subscribeLater(nc, error);
      return;
    }
    await confirm(nc);
  }

  /** A subscription that is refused is closed while the connection lives, and the client does not try it again. */
  function subscribeLater(nc: NatsConnection, reason: unknown): void {
    confirmed = false;
    if (draining || nc.isClosed()) return;
    log.error('nats_subscription_lost', { retry_in_ms: resubscribeMs }, reason);
    resubscribing = setTimeout(() => void subscribe(nc), resubscribeMs);
    resubscribeMs = Math.min(RESUBSCRIBE_MAX_MS, resubscribeMs * 2);
  }

  /** A refusal arrives before the answer to a flush: after one, a service that still runs is subscribed. */
  async function confirm(nc: NatsConnection): Promise<void> {
    const asked = service;
    try {
      await nc.flush();
    } catch (error) {
      // Disconnected meanwhile; the subscription is sent and confirmed again after the reconnect.
      log.debug('nats_subscription_unconfirmed', { reason: error instanceof Error ? error.name : 'unknown' });
      return;
    }
    if (asked === undefined || asked !== service || asked.isStopped) return;
    confirmed = true;
    resubscribeMs = RESUBSCRIBE_MIN_MS;
    const { endpoints, queue } = serviceOptions;
    log.info('nats_subscribed', { subjects: endpoints.map(({ subject }) => subject).join(' '), queue });
  }

  /** Nothing may escape: what is thrown here would end the client's reading of its socket. */
  function take(message: Msg, { handle }: ServiceEndpoint): void {
    try {
      handle(toNatsMessage(message, outbox));
    } catch (error) {
      log.error('nats_message_not_handled', {}, error);
    }
  }

  function repliesLost(): number {
    return outbox.lost() + publishesRefused;
  }

  function state(): NatsState {
    if (draining) return 'draining';
    if (!connected) return refusal.current() ? 'credentials_refused' : 'not_connected';
    return confirmed && service?.isStopped === false ? 'serving' : 'not_subscribed';
  }

  return {
    state,
    connected: () => connected,
    repliesLost,
    publish(subject, payload) {
      if (connected) connection?.publish(subject, payload);
      return connected;
    },
    closed: run(),
    async stopTaking() {
      draining = true;
      clearTimeout(resubscribing);
      await service?.stop();
    },
    async flush() {
      while (!connected && outbox.kept() > 0) await pause(LOOK_EVERY_MS);
      if (connected) await connection?.flush();
    },
    async close() {
      draining = true;
      clearTimeout(resubscribing);
      onDisconnected();
      outbox.abandon();
      await connection?.close();
    },
  };
}
