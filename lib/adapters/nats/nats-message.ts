import { headers, Match, type Msg } from 'nats';
import type { Outbox } from '../../relay/outbox.ts';

export interface NatsMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** The header of that name in any case; undefined when there is none. Throws when the headers cannot be read. */
  header(name: string): string | undefined;
  /**
   * Absent when nobody waits for a reply. `usefulUntilMs` says how long it is worth keeping where the connection is
   * down. Throws when `payload` is larger than the server allows.
   */
  readonly reply?: (payload: Uint8Array, usefulUntilMs: number, headers?: ReplyHeaders) => void;
}

export interface ReplyHeaders {
  readonly error?: ServiceError;
  readonly traceparent?: string;
}

/** What NATS micro services put into the headers of a reply that is a failure. */
export interface ServiceError {
  /** One line. */
  readonly message: string;
  /** An HTTP status. */
  readonly status: number;
}

/**
 * A NATS message as the relay takes it. Its reply goes through `outbox`: what is published while the connection is down
 * is thrown away by the client without a word.
 */
export function toNatsMessage(message: Msg, outbox: Outbox): NatsMessage {
  const { subject, data } = message;
  const header = (name: string) => {
    // Reading them throws for a name with a space or a value with a lone line break in it.
    const all = message.headers;
    return all?.has(name, Match.IgnoreCase) ? all.get(name, Match.IgnoreCase) : undefined;
  };
  if (!message.reply) return { subject, data, header };
  return {
    subject,
    data,
    header,
    reply: (payload, usefulUntilMs, said) =>
      outbox.put({
        bytes: payload.length,
        usefulUntilMs,
        send: () => {
          if (said === undefined) message.respond(payload);
          else message.respond(payload, { headers: toHeaders(said) });
        },
      }),
  };
}

function toHeaders({ error, traceparent }: ReplyHeaders) {
  const fields = headers();
  if (error !== undefined) {
    fields.set('Nats-Service-Error', error.message);
    fields.set('Nats-Service-Error-Code', String(error.status));
  }
  if (traceparent !== undefined) fields.set('traceparent', traceparent);
  return fields;
}
