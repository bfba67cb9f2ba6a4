/** A Redis reply as it stands in Upstash's JSON: strings in base64 where the client asked for it. */
export function encodeReply(reply: unknown, base64: boolean): unknown {
  // The client takes a bare top-level OK as it is and decodes every other string, also one inside an array.
  if (Buffer.isBuffer(reply) && reply.equals(OK)) return 'OK';
  return encode(reply, base64);
}

const OK = Buffer.from('OK');

function encode(reply: unknown, base64: boolean): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString(base64 ? 'base64' : 'utf8');
  if (typeof reply === 'string') return base64 ? Buffer.from(reply).toString('base64') : reply;
  if (Array.isArray(reply)) return reply.map((element) => encode(element, base64));
  return reply instanceof Error ? encode(reply.message, base64) : (reply ?? null);
}
