import { request as httpRequest } from 'node:http';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { Stack } from '../../dev/stack.ts';
import { FAILURES, type FailureCode } from '../../lib/api/outcomes.ts';
import { expectNothingLeaked } from './no-leak.ts';
import type { RawNats, RawPublish } from './raw-nats.ts';

/** Said by callers here: what a crowded machine needs is not what these tests are about. */
export const PATIENT_MS = '8000';
const PATIENCE = { timeout: 15_000, interval: 5 };

/** A reply as a caller sees it, over either door. */
export interface Seen {
  /** Numeric, as over HTTPS and in the header over NATS; 200 for a success. */
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface HttpAsk {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Uint8Array;
}

/** Both doors of one stack. Every reply that is read here is checked for its shape, and for leaks. */
export interface Doors {
  readonly stack: Stack;
  readonly redis: Redis;
  readonly nats: RawNats;
  /** Sends to the relay and waits for the reply, which must have the header `traceparent` where that is given, and else none. */
  overNats(message: Omit<RawPublish, 'reply'> & { readonly traceparent?: string }): Promise<Seen>;
  overHttps(ask: HttpAsk): Promise<Seen & { readonly headers: Readonly<Record<string, unknown>> }>;
  /** The games that have a record, by id. */
  recorded(): Promise<readonly string[]>;
}

export function openDoors(stack: Stack, redis: Redis, nats: RawNats): Doors {
  const { assignUrl, assignToken, upstashToken } = stack.addresses;
  const secrets = [assignToken, upstashToken];

  return {
    stack,
    redis,
    nats,
    async overNats({ headers = [`Timeout-Ms: ${PATIENT_MS}`], traceparent, ...message }) {
      const inbox = nats.newInbox();
      nats.publish({ ...message, reply: inbox, headers });
      await expect.poll(() => nats.received.get(inbox), PATIENCE).toHaveLength(1);
      const reply = nats.received.get(inbox)?.[0];
      const json = JSON.parse(reply?.payload ?? '') as Seen['json'];
      expectNothingLeaked(reply?.payload ?? '', secrets);
      const status = expectShape(json);
      const failure = status === 200 ? [] : errorHeaders(status, String(json['message']));
      expect(reply?.headers).toBe(headerBlock([...failure, ...(traceparent ? [`traceparent: ${traceparent}`] : [])]));
      return { status, json };
    },
    async overHttps({ method = 'POST', path = '/assign', headers = {}, body }) {
      const answer = await sendHttp(new URL(assignUrl), {
        method,
        path,
        headers: { authorization: `Bearer ${assignToken}`, 'timeout-ms': PATIENT_MS, ...headers },
        ...(body !== undefined && { body }),
      });
      const json = JSON.parse(answer.text) as Seen['json'];
      expectNothingLeaked(answer.text, secrets);
      if (path !== '/batch') expect(answer.status).toBe(expectShape(json));
      return { status: answer.status, json, headers: answer.headers };
    },
    recorded: async () => (await redis.keys('games:*')).map((key) => key.slice('games:'.length)),
  };
}

/** The status that goes with the reply. */
function expectShape(json: Seen['json']): number {
  if (json['success'] === true) {
    expect(json['instance_id']).toEqual(expect.any(String));
    return 200;
  }
  const row = FAILURES[json['code'] as FailureCode];
  expect(json).toEqual({
    success: false,
    message: expect.stringMatching(/^[^\r\n]+\.$/),
    code: expect.any(String),
    retryable: row.retryable,
  });
  return row.status;
}

/** The headers of a failure over NATS. */
function errorHeaders(status: number, message: string): readonly string[] {
  return [`Nats-Service-Error: ${message}`, `Nats-Service-Error-Code: ${status}`];
}

function headerBlock(headers: readonly string[]): string {
  return headers.length === 0 ? '' : `NATS/1.0\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`;
}

function sendHttp(base: URL, { method = 'POST', path = '/', headers = {}, body }: HttpAsk) {
  return new Promise<{ status: number; headers: Readonly<Record<string, unknown>>; text: string }>(
    (resolve, reject) => {
      // Not fetch, which would tidy up paths and headers.
      const outgoing = httpRequest(
        { host: base.hostname, port: base.port, method, path, headers, agent: false },
        async (incoming) => {
          const chunks: Buffer[] = [];
          for await (const chunk of incoming) chunks.push(chunk as Buffer);
          const text = Buffer.concat(chunks).toString();
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    },
  );
}
