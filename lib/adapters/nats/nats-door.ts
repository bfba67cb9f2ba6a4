import type { Service } from '@nats-io/services';
import { type Msg, type NatsConnection, PermissionViolationError } from 'nats';
import type { Log } from '../../app/ports.ts';
import { addService, type ServiceEndpoint, type ServiceOptions } from './add-service.ts';
import { connectNats, type NatsAddress } from './connect-nats.ts';
import { toNatsMessage } from './nats-message.ts';

/** `not_connected` also while credentials are refused; `not_subscribed` while the server takes no subscription of ours. */
export type NatsState = 'serving' | 'not_connected' | 'not_subscribed' | 'draining';

export interface NatsDoorOptions {
  readonly address: NatsAddress;
  readonly service: ServiceOptions;
  readonly log: Log;
}

export interface NatsDoor {
  state(): NatsState;
  /** Whether the socket is up; also while draining. */
  connected(): boolean;
  /** Replies thrown away because the connection was down when they were ready. */
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
  /** Resolves when every reply has reached the server. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** How often a server that cannot be reached at the start is complained of. */
const COMPLAIN_EVERY_MS = 10_000;
/** Before a lost subscription is tried again; doubled each time it is lost at once again. */
const RESUBSCRIBE_MIN_MS = 500;
const RESUBSCRIBE_MAX_MS = 10_000;

/** Opens the service's door on NATS. Returns at once: it connects, reconnects and subscribes again for ever. */
export function openNatsDoor({ address, service: serviceOptions, log }: NatsDoorOptions): NatsDoor {
  let connection: NatsConnection | undefined;
  let service: Service | undefined;
  let connected = false;
  let confirmed = false;
  let draining = false;
  let repliesLost = 0;
  let resubscribeMs = RESUBSCRIBE_MIN_MS;
  let resubscribing: NodeJS.Timeout | undefined;

  async function run(): Promise<unknown> {
    const complaint = setInterval(() => log.warning('nats_not_reached'), COMPLAIN_EVERY_MS);
    let nc: NatsConnection;
    try {
      nc = await connectNats(address);
    } catch (error) {
      return error;
    } finally {
      clearInterval(complaint);
    }
    connection = nc;
    connected = true;
    log.info('nats_connected');
    watch(nc).catch((error: unknown) => log.error('nats_watch_failed', {}, error));
    await subscribe(nc);
    return nc.closed();
  }

  async function watch(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      switch (status.type) {
        case 'disconnect':
          connected = false;
          confirmed = false;
          log.warning('nats_disconnected');
          break;
        case 'reconnect':
          connected = true;
          log.info('nats_reconnected', { replies_lost_so_far: repliesLost });
          void confirm(nc);
          break;
        case 'ldm':
          log.warning('nats_server_leaving');
          break;
        case 'staleConnection':
          log.warning('nats_server_silent');
          break;
        case 'error':
          log.warning('nats_error', {}, status.error);
          endRefused(status.error);
          break;
        default:
          log.debug('nats_status', { type: status.type });
      }
    }
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
      handle(toNatsMessage(message, sendable));
    } catch (error) {
      log.error('nats_message_not_handled', {}, error);
    }
  }

  function sendable(): boolean {
    if (!connected) repliesLost += 1;
    return connected;
  }

  function state(): NatsState {
    if (draining) return 'draining';
    if (!connected) return 'not_connected';
    return confirmed && service?.isStopped === false ? 'serving' : 'not_subscribed';
  }

  return {
    state,
    connected: () => connected,
    repliesLost: () => repliesLost,
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
      if (connected) await connection?.flush();
    },
    async close() {
      draining = true;
      clearTimeout(resubscribing);
      await connection?.close();
      connected = false;
    },
  };
}
