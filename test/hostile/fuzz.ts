import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { createRandom, type Random } from '../support/random.ts';
import { mutateBytes, mutateJson } from './mutate.ts';

/** Cases that every run has, from seeds that stay the same. */
const FIXED_CASES = 1500;
/** With FUZZ_SECONDS=60 each target goes on for its part of these, with new seeds. */
const EXTRA_MS = Number(process.env['FUZZ_SECONDS'] ?? 0) * 1000;
const TARGETS = 6;
/** Ends a case that hangs; each has a shorter limit of its own, by the signal that it is given. */
const HANG_MS = 20_000;
const LIMIT_MS = 5000;

/** A limit for the test itself. */
export const FUZZ_TIMEOUT_MS = 120_000 + EXTRA_MS;

export interface FuzzTarget<T> {
  readonly name: string;
  /** Seeds that have found something once. */
  readonly kept: readonly string[];
  /** Makes the bytes of a case. */
  readonly mutate: (random: Random) => Buffer;
  /** Has the real adapter read them. */
  readonly read: (bytes: Buffer, signal: AbortSignal) => Promise<T>;
  /** Throws where what was read breaks a promise. */
  readonly check: (result: T, bytes: Buffer) => void;
}

/**
 * Reads mutated answers: each must end in a sound result or in an UpstreamError, and soon. Says the seed of the first
 * that does not. Gives how many ended well and how many as errors.
 */
export async function fuzz<T>({ name, kept, mutate, read, check }: FuzzTarget<T>) {
  const counts = { sound: 0, refused: 0 };
  const fixed = Array.from({ length: FIXED_CASES }, (_, index) => `${name}-${index}`);
  for (const seed of [...kept, ...fixed]) await tryOne(seed);
  const fresh = `${name}-${Date.now()}`;
  const endMs = performance.now() + EXTRA_MS / TARGETS;
  for (let index = 0; performance.now() < endMs; index += 1) await tryOne(`${fresh}-${index}`);
  return counts;

  async function tryOne(seed: string): Promise<void> {
    const bytes = mutate(createRandom(seed));
    try {
      const result = await inTime(read(bytes, AbortSignal.timeout(LIMIT_MS)));
      check(result, bytes);
      counts.sound += 1;
    } catch (error) {
      if (error instanceof UpstreamError) counts.refused += 1;
      else
        throw new Error(`seed '${seed}': ${String(error)}\n${bytes.toString('latin1').slice(0, 3000)}`, {
          cause: error,
        });
    }
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it hangs')), HANG_MS);
  });
  try {
    return await Promise.race([work, hang]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a real server once sent, to the byte. */
export function fixture(name: string): Buffer {
  return readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
}

/** A third of the cases changes the bytes of a whole HTTP answer, a third those of its body, a third its JSON. */
export function mutateHttp(names: readonly string[]): (random: Random) => Buffer {
  const wholes = names.map(fixture);
  return (random) => {
    const whole = wholes[random.whole(wholes.length)] ?? Buffer.alloc(0);
    const kind = random.whole(3);
    if (kind === 0) return mutateBytes(whole, random, wholes);
    const body = bodyOf(whole);
    const changed = kind === 1 ? mutateBytes(body, random, wholes) : Buffer.from(mutateJson(body.toString(), random));
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${changed.length}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), changed]);
  };
}

/** The body of an HTTP answer, whose chunks are put together. */
export function bodyOf(whole: Buffer): Buffer {
  const from = whole.indexOf('\r\n\r\n') + 4;
  if (!/transfer-encoding: chunked/i.test(whole.toString('latin1', 0, from))) return whole.subarray(from);
  const chunks: Buffer[] = [];
  for (let at = from; ; ) {
    const lineEnd = whole.indexOf('\r\n', at);
    const size = Number.parseInt(whole.toString('latin1', at, lineEnd), 16);
    if (!(size > 0)) return Buffer.concat(chunks);
    chunks.push(whole.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

export interface RawServer {
  readonly port: number;
  /** What the next request is answered with; the connection ends after it. */
  answer: Buffer;
}

/** A server for one test; `onData` sees what a connection has received since it was last true, and writes to it. */
export async function startRawServer(onData: (server: RawServer, socket: Socket, received: Buffer) => boolean) {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    let received = Buffer.alloc(0);
    sockets.add(socket);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (onData(server, socket, received)) received = Buffer.alloc(0);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const server: RawServer = { port: (listener.address() as AddressInfo).port, answer: Buffer.alloc(0) };
  onTestFinished(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  return server;
}

/** Answers each HTTP request with `answer`, whatever that is, and ends the connection. */
export function startRawHttpServer(): Promise<RawServer> {
  return startRawServer((server, socket, received) => {
    const headEnd = received.indexOf('\r\n\r\n');
    if (headEnd < 0) return false;
    const length = /content-length: (\d+)/i.exec(received.toString('latin1', 0, headEnd))?.[1] ?? '0';
    if (received.length < headEnd + 4 + Number(length)) return false;
    socket.end(server.answer);
    return true;
  });
}
