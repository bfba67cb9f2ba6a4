import { connect, type MsgHdrs, type NatsConnection } from 'nats';
import type { NatsAddress } from '../../lib/adapters/nats/connect-nats.ts';
import { openNatsDoor } from '../../lib/adapters/nats/nats-door.ts';
import type { Allocate } from '../../lib/api/allocate.ts';
import type { Reply } from '../../lib/api/outcomes.ts';
import { drain } from '../../lib/relay/drain.ts';
import type { Endpoint } from '../../lib/relay/endpoints.ts';
import { createRelay } from '../../lib/relay/relay.ts';
import { ASSIGN, fakeLog } from '../relay/fake-message.ts';

export const SUBJECT = ASSIGN.subject;
export const PLACED: Reply = { success: true, instance_id: '10.0.0.3', port: 5002 };

/** A relay on the NATS server at `url`, in this process. */
export function startRelay(
  url: string,
  allocate: Allocate = async () => [PLACED],
  endpoints: readonly Endpoint[] = [ASSIGN],
  address: Partial<NatsAddress> = {},
  onEvent?: (event: string) => void,
) {
  const { log, events } = fakeLog(onEvent);
  const relay = createRelay({ allocate, clock: Date.now, log, maxInFlight: 1024 });
  const door = openNatsDoor({
    address: { servers: [url], tls: undefined, name: 'relay-under-test', ...address },
    service: {
      name: 'relay-under-test',
      version: '1.2.3',
      description: 'under test',
      metadata: { title: 'T' },
      queue: 'game-allocator',
      endpoints: endpoints.map((endpoint) => {
        const { handle, counts } = relay.serve(endpoint);
        const figures = () => {
          const { succeeded, failed, tookMs, lastFailure } = counts();
          const errors = Object.values(failed).reduce((sum, count) => sum + count, 0);
          const data = { failed };
          return { requests: succeeded + errors, errors, processingMs: tookMs.sum, lastError: lastFailure, data };
        };
        return { name: endpoint.name, subject: endpoint.subject, handle, figures };
      }),
    },
    clock: Date.now,
    log,
  });
  return { relay, door, events, stop: () => drain(door, relay, log) };
}

/** Publishes requests with reply subjects of their own and counts what comes back to each. */
export async function countingClient(url: string) {
  const nc: NatsConnection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  const prefix = `_INBOX.count${Math.random().toString(36).slice(2)}`;
  const replies = new Map<string, unknown[]>();
  nc.subscribe(`${prefix}.*`, {
    callback: (_error, message) => {
      const id = message.subject.slice(prefix.length + 1);
      replies.set(id, [...(replies.get(id) ?? []), message.data.length === 0 ? 'no responders' : message.json()]);
    },
  });
  await nc.flush();
  return {
    nc,
    replies,
    send: (id: string, headers?: MsgHdrs) =>
      nc.publish(SUBJECT, JSON.stringify({ game_id: id }), { reply: `${prefix}.${id}`, ...(headers && { headers }) }),
  };
}
