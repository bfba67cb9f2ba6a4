import { connect, type Socket } from 'node:net';

/** A message as it came over the wire. */
export interface RawMessage {
  readonly subject: string;
  /** The header block as text, '' where there is none. */
  readonly headers: string;
  readonly payload: string;
}

export interface RawPublish {
  readonly subject?: string;
  readonly reply?: string;
  /** Header lines without their line ends, exactly as they are to be sent. */
  readonly headers?: readonly string[];
  readonly payload: string | Uint8Array;
}

/** NATS spoken by hand: it sends what a client library would refuse to. */
export interface RawNats {
  /** A subject of this connection's own, to which a reply may be sent. */
  newInbox(): string;
  /** What has come for each subject so far. */
  readonly received: ReadonlyMap<string, readonly RawMessage[]>;
  subscribe(subject: string): void;
  publish(message: RawPublish): void;
  /** Any bytes at once. */
  write(bytes: Uint8Array): void;
  /** Resolves when the server has dealt with all that was sent before; rejects where it has hung up. */
  flush(): Promise<void>;
  close(): void;
}

const SUBJECT = 'game.assign.request';

/** The bytes of one publish, for who wants to send many in one go. */
export function encodePublish({ subject = SUBJECT, reply = '', headers, payload }: RawPublish): Buffer {
  const body = Buffer.from(payload);
  const to = reply === '' ? subject : `${subject} ${reply}`;
  if (headers === undefined) return Buffer.concat([Buffer.from(`PUB ${to} ${body.length}\r\n`), body, CRLF]);
  const block = Buffer.from(['NATS/1.0', ...headers, '', ''].join('\r\n'));
  const head = `HPUB ${to} ${block.length} ${block.length + body.length}\r\n`;
  return Buffer.concat([Buffer.from(head), block, body, CRLF]);
}

const CRLF = Buffer.from('\r\n');

export async function connectRawNats(url: string): Promise<RawNats> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const prefix = `_INBOX.raw${Math.random().toString(36).slice(2)}`;
  const received = new Map<string, RawMessage[]>();
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  let inboxes = 0;
  let subscriptions = 0;

  readMessages(
    socket,
    (message) => {
      received.set(message.subject, [...(received.get(message.subject) ?? []), message]);
    },
    () => waiting.shift()?.resolve(),
  );
  socket.on('close', () => {
    for (const { reject } of waiting.splice(0)) reject(new Error('the server hung up'));
  });
  socket.on('error', () => undefined); // told by 'close'

  function subscribe(subject: string): void {
    subscriptions += 1;
    socket.write(`SUB ${subject} ${subscriptions}\r\n`);
  }
  function flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (socket.destroyed) return reject(new Error('the server hung up'));
      waiting.push({ resolve, reject });
      socket.write('PING\r\n');
    });
  }

  socket.write(
    `CONNECT ${JSON.stringify({ verbose: false, pedantic: false, headers: true, no_responders: true })}\r\n`,
  );
  subscribe(`${prefix}.*`);
  await flush();
  return {
    newInbox() {
      inboxes += 1;
      return `${prefix}.${inboxes}`;
    },
    received,
    subscribe,
    publish: (message) => void socket.write(encodePublish(message)),
    write: (bytes) => void socket.write(bytes),
    flush,
    close: () => socket.destroy(),
  };
}

/** Cuts the stream into messages and PONGs; what else the server says (INFO, PING, -ERR) needs no answer in a test. */
function readMessages(socket: Socket, onMessage: (message: RawMessage) => void, onPong: () => void): void {
  let rest = Buffer.alloc(0);

  function readOne(): boolean {
    const end = rest.indexOf(CRLF);
    if (end < 0) return false;
    const [verb = '', subject = '', ...words] = rest.toString('utf8', 0, end).split(' ');
    const from = end + CRLF.length;
    if (verb !== 'MSG' && verb !== 'HMSG') {
      if (verb === 'PONG') onPong();
      rest = rest.subarray(from);
      return true;
    }
    const total = Number(words.at(-1));
    if (rest.length < from + total + CRLF.length) return false;
    const headerBytes = verb === 'HMSG' ? Number(words.at(-2)) : 0;
    onMessage({
      subject,
      headers: rest.toString('utf8', from, from + headerBytes),
      payload: rest.toString('utf8', from + headerBytes, from + total),
    });
    rest = rest.subarray(from + total + CRLF.length);
    return true;
  }

  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (readOne());
  });
}
