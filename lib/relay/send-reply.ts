import { FAILURES, failureReply, type Reply } from '../api/outcomes.ts';
import type { Log } from '../app/ports.ts';
import type { RelayMessage, ReplyError, ReplyHeaders } from './read-message.ts';

/** Characters of a failure's message that fit the header that repeats it. */
const MAX_HEADER_CHARACTERS = 200;

export interface ReplySender {
  /**
   * Sends `reply` to whoever waits for it at `message`, until `usefulUntilMs` at most, with the request's `traceparent`
   * where it had one. Never throws.
   */
  send(message: RelayMessage, reply: Reply, usefulUntilMs: number, traceparent?: string): void;
  /** Replies that could not be handed over for sending. */
  unsent(): number;
}

export function createReplySender(log: Log): ReplySender {
  let unsent = 0;

  function send({ reply: sendReply }: RelayMessage, reply: Reply, usefulUntilMs: number, traceparent?: string): void {
    if (sendReply === undefined) return;
    try {
      sendReply(encode(reply), usefulUntilMs, headersOf(reply, traceparent));
    } catch (error) {
      log.warning('reply_refused', {}, error);
      try {
        // What a message system refuses is a reply over its size limit: a short one tells the caller that much.
        const short = failureReply({ code: 'upstream_unavailable', message: 'The answer is too large to be sent.' });
        sendReply(encode(short), usefulUntilMs, headersOf(short, traceparent));
      } catch (shortError) {
        unsent += 1;
        log.error('reply_not_sent', {}, shortError);
      }
    }
  }

  return { send, unsent: () => unsent };
}

const encoder = new TextEncoder();

function encode(reply: Reply): Uint8Array {
  return encoder.encode(JSON.stringify(reply));
}

function headersOf(reply: Reply, traceparent: string | undefined): ReplyHeaders | undefined {
  const error = errorOf(reply);
  if (error === undefined && traceparent === undefined) return undefined;
  return { ...(error && { error }), ...(traceparent !== undefined && { traceparent }) };
}

/** Line breaks and control characters would make the message system refuse the header, and with it the reply. */
function errorOf(reply: Reply): ReplyError | undefined {
  if (reply.success) return undefined;
  const line = reply.message.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  const message = line.length <= MAX_HEADER_CHARACTERS ? line : [...line].slice(0, MAX_HEADER_CHARACTERS).join('');
  return { message, status: FAILURES[reply.code].status };
}
