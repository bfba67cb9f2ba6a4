import type { Endpoint } from '../../lib/relay/endpoints.ts';
import type { RelayMessage, ReplyError } from '../../lib/relay/read-message.ts';

export const ASSIGN: Endpoint = { name: 'assign', subject: 'game.assign.request', op: 'assign', kind: 'request' };

export interface SentReply {
  readonly body: unknown;
  readonly error: ReplyError | undefined;
  readonly traceparent?: string | undefined;
}

/** A message whose replies are kept in `replies`; `body` is sent as it is when it is text or bytes, else as JSON. */
export function fakeMessage(body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const replies: SentReply[] = [];
  const message: RelayMessage = {
    subject: ASSIGN.subject,
    data: body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    header: (name) => Object.entries(headers).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1],
    reply: (payload, _usefulUntilMs, { error, traceparent } = {}) => {
      replies.push({ body: JSON.parse(Buffer.from(payload).toString('utf8')), error, traceparent });
    },
  };
  return { message, replies };
}

/** A log that keeps the events of its lines from INFO up, and tells `onEvent` of each when it is written. */
export function fakeLog(onEvent: (event: string) => void = () => undefined) {
  const events: string[] = [];
  const keep = (event: string) => {
    events.push(event);
    onEvent(event);
  };
  return { events, log: { debug: () => undefined, info: keep, warning: keep, error: keep } };
}
