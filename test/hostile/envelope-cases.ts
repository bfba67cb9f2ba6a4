import { expect } from 'vitest';
import { requestOf } from './body-cases.ts';
import { type Doors, PATIENT_MS } from './doors.ts';
import { encodePublish } from './raw-nats.ts';

/** One number of the list, of what is around a request. */
export interface EnvelopeCase {
  /** Begins with its group and number. */
  readonly name: string;
  run(doors: Doors): Promise<void>;
}

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const BAD_TIMEOUT = {
  status: 400,
  json: { code: 'invalid_request', message: 'Timeout-Ms must be a whole number from 100 to 10000.' },
};
const SUCCESS = { status: 200, json: { success: true } };

export const ENVELOPE_CASES: readonly EnvelopeCase[] = [
  {
    name: 'A1 no reply subject: it is carried out',
    run: (doors) => carriedOut(doors, 'a1'),
  },
  {
    name: 'A2 its own subject as reply subject: one reply goes there, and no more',
    async run(doors) {
      doors.nats.subscribe('game.assign.request');
      await doors.nats.flush();
      await carriedOut(doors, 'a2', 'game.assign.request');
      await askedInVain(doors);
      const heard = () => doors.nats.received.get('game.assign.request') ?? [];
      expect(heard().filter(({ payload }) => payload.includes('"success"'))).toHaveLength(1);
    },
  },
  {
    name: 'A3 a reply subject of the system account',
    async run(doors) {
      await carriedOut(doors, 'a3', '$SYS.REQ.SERVER.PING');
      await carriedOut(doors, 'a3-user', '$SYS.REQ.USER.INFO');
      await carriedOut(doors, 'a3-stats', '$SRV.STATS');
    },
  },
  {
    name: 'A4 a reply subject with wildcards, and none that NATS would take',
    async run(doors) {
      for (const [index, reply] of ['_INBOX.>', '_INBOX.*', '>', 'a..b', '.', 'x'.repeat(3900)].entries()) {
        await carriedOut(doors, `a4-${index}`, reply);
      }
    },
  },
  {
    name: 'A10 a traceparent that is malformed is as good as none',
    async run(doors) {
      for (const [index, value] of ['x', `${TRACE}-more`, TRACE.replace('0af', '0AF'), '00-0-0-00', ''].entries()) {
        const payload = game(`a10-${index}`);
        const headers = [`Timeout-Ms: ${PATIENT_MS}`, `traceparent: ${value}`];
        expect(await doors.overNats({ payload, headers })).toMatchObject(SUCCESS);
        const answer = await doors.overHttps({ body: payload, headers: { traceparent: value } });
        expect(answer).toMatchObject(SUCCESS);
        expect(answer.headers).not.toHaveProperty('traceparent');
      }
    },
  },
  {
    name: 'A11 headers in another case',
    async run(doors) {
      const payload = game('a11');
      const headers = [`TIMEOUT-MS: ${PATIENT_MS}`, `Traceparent: ${TRACE}`];
      expect(await doors.overNats({ payload, headers, traceparent: TRACE })).toMatchObject(SUCCESS);
      expect(await doors.overNats({ payload, headers: ['timeout-ms: 1'] })).toMatchObject(BAD_TIMEOUT);
      const answer = await doors.overHttps({ body: payload, headers: { Traceparent: TRACE } });
      expect(answer.headers).toMatchObject({ traceparent: TRACE });
    },
  },
  {
    name: 'A12 a header of 70 KB',
    async run(doors) {
      const long = 'x'.repeat(70_000);
      const headers = [`Timeout-Ms: ${PATIENT_MS}`, `traceparent: ${long}`, `X-Other: ${long}`];
      expect(await doors.overNats({ payload: game('a12'), headers })).toMatchObject(SUCCESS);
      expect(await doors.overNats({ payload: game('a12-none'), headers: [`Timeout-Ms: ${long}`] })).toMatchObject(
        BAD_TIMEOUT,
      );
    },
  },
  {
    name: 'A13 200 headers',
    async run(doors) {
      const many = Array.from({ length: 200 }, (_, index) => [`X-Header-${index}`, `value ${index}`] as const);
      const headers = [...many.map(([name, value]) => `${name}: ${value}`), `Timeout-Ms: ${PATIENT_MS}`];
      expect(await doors.overNats({ payload: game('a13'), headers })).toMatchObject(SUCCESS);
      const answer = await doors.overHttps({ body: game('a13'), headers: Object.fromEntries(many) });
      expect(answer).toMatchObject(SUCCESS);
    },
  },
  {
    name: 'A14 two deadlines',
    async run(doors) {
      const twice = (second: string) => [`Timeout-Ms: ${PATIENT_MS}`, `Timeout-Ms: ${second}`];
      expect(await doors.overNats({ payload: game('a14'), headers: twice('9000') })).toMatchObject(SUCCESS);
      expect(
        await doors.overNats({ payload: game('a14'), headers: ['Timeout-Ms: no', 'Timeout-Ms: 500'] }),
      ).toMatchObject(BAD_TIMEOUT);
      const answer = await doors.overHttps({ body: game('a14'), headers: { 'timeout-ms': [PATIENT_MS, '9000'] } });
      expect(answer).toMatchObject(BAD_TIMEOUT);
    },
  },
  {
    name: 'A15 a deadline that is none',
    async run(doors) {
      const values = ['-1', '0', '99', '10001', 'NaN', '1e3', '0x1f4', '9999-01-01T00:00:00Z', '+500', '5 00', '٥٠٠'];
      for (const value of values) {
        const payload = game('a15-none');
        expect(await doors.overNats({ payload, headers: [`Timeout-Ms: ${value}`] })).toMatchObject(BAD_TIMEOUT);
        const latin1 = Buffer.from(value).toString('latin1');
        expect(await doors.overHttps({ body: payload, headers: { 'timeout-ms': latin1 } })).toMatchObject(BAD_TIMEOUT);
      }
    },
  },
  {
    name: 'A16 headers with NUL, and such as cannot be read',
    async run(doors) {
      const bad = { status: 400, json: { message: 'The headers must have valid names and one line each.' } };
      const payload = game('a16-none');
      expect(await doors.overNats({ payload, headers: ['Timeout-Ms: 5\x0000'] })).toMatchObject(BAD_TIMEOUT);
      expect(await doors.overNats({ payload, headers: ['bad name: x'] })).toMatchObject(bad);
      expect(await doors.overNats({ payload, headers: ['X: a\rb'] })).toMatchObject(bad);
      const headers = [`Timeout-Ms: ${PATIENT_MS}`, 'X-Other: a\0b', 'no colon here', ': no name'];
      expect([200, 400]).toContain((await doors.overNats({ payload: game('a16'), headers })).status);
    },
  },
  {
    name: 'A17 the headers of a failure, sent by a caller',
    async run(doors) {
      const headers = [
        `Timeout-Ms: ${PATIENT_MS}`,
        'Nats-Service-Error: made up',
        'Nats-Service-Error-Code: 500',
        'Status: 503',
      ];
      // The reply's own headers are checked with every reply.
      expect(await doors.overNats({ payload: game('a17'), headers })).toMatchObject(SUCCESS);
      expect(await doors.overNats({ payload: '{}', headers })).toMatchObject({ status: 400 });
    },
  },
  {
    name: 'A18 5,000 messages in one go: each has its one reply',
    async run({ nats }) {
      const asked = Array.from({ length: 5000 }, (_, index) => ({
        reply: nats.newInbox(),
        payload: game(`a18-${index % 50}`),
      }));
      const headers = [`Timeout-Ms: ${PATIENT_MS}`];
      nats.write(Buffer.concat(asked.map((message) => encodePublish({ ...message, headers }))));
      const replies = () => asked.map(({ reply }) => nats.received.get(reply) ?? []);
      await expect.poll(() => replies().every((seen) => seen.length > 0), { timeout: 30_000 }).toBe(true);
      await nats.flush();

      const codes = new Set<string>();
      const instances = new Map<string, Set<string>>();
      for (const [index, seen] of replies().entries()) {
        expect(seen).toHaveLength(1);
        const { code, instance_id } = JSON.parse(seen[0]?.payload ?? '') as Record<string, string>;
        if (code !== undefined) codes.add(code);
        const gameId = asked[index]?.payload ?? '';
        if (instance_id !== undefined) instances.set(gameId, (instances.get(gameId) ?? new Set()).add(instance_id));
      }
      expect(['overloaded', 'deadline_exceeded']).toEqual(expect.arrayContaining([...codes]));
      expect([...instances.values()].map(({ size }) => size)).toEqual(Array(50).fill(1));
    },
  },
];

/** What HTTPS alone has: how a body is labelled and packed. */
export const PACKING_CASES: readonly EnvelopeCase[] = [
  {
    name: 'B34 content types that are missing, or another one',
    async run(doors) {
      const types: Record<string, string>[] = [{}, { 'content-type': 'text/plain' }, { 'content-type': 'x/y' }];
      for (const headers of types) {
        expect(await doors.overHttps({ body: game('b34'), headers })).toMatchObject(SUCCESS);
      }
      const utf16 = { 'content-type': 'application/json; charset=utf-16' };
      const body = Buffer.from(game('b34-none'), 'utf16le');
      expect(await doors.overHttps({ body, headers: utf16 })).toMatchObject(NOT_JSON);
      expect(await doors.overHttps({ body: game('b34'), headers: utf16 })).toMatchObject(SUCCESS);
    },
  },
  {
    name: 'B35 a body that is said to be base64 and is not',
    async run(doors) {
      for (const body of ['!!!', '%%%%', game('b35-none'), '']) {
        const event = { version: '2.0', headers: { authorization: `Bearer ${doors.stack.addresses.assignToken}` } };
        const context = { http: { method: 'POST' } };
        const answer = await invoke(doors, { ...event, requestContext: context, body, isBase64Encoded: true });
        expect(answer.statusCode).toBe(400);
        expect(JSON.parse(answer.body)).toMatchObject(NOT_JSON.json);
      }
    },
  },
  {
    name: 'B36 a body that is packed with gzip',
    async run(doors) {
      const { gzipSync } = await import('node:zlib');
      const headers = { 'content-encoding': 'gzip' };
      expect(await doors.overHttps({ body: gzipSync(game('b36-none')), headers })).toMatchObject(NOT_JSON);
      const bomb = gzipSync(Buffer.alloc(10_000_000, ' '));
      expect(await doors.overHttps({ body: bomb, headers })).toMatchObject({ status: 400 });
      // By its own size it fits; by what is in it, it would not.
      expect(await doors.overHttps({ body: requestOf(16_384, 'b36'), headers })).toMatchObject(SUCCESS);
    },
  },
];

const NOT_JSON = { status: 400, json: { code: 'invalid_request', message: 'The request must be JSON text in UTF-8.' } };

function game(gameId: string): string {
  return JSON.stringify({ game_id: gameId });
}

/** Published and never answered to us; the record shows that it was done. */
async function carriedOut(doors: Doors, gameId: string, reply?: string): Promise<void> {
  const headers = [`Timeout-Ms: ${PATIENT_MS}`];
  doors.nats.publish({ payload: game(gameId), headers, ...(reply !== undefined && { reply }) });
  await expect.poll(() => doors.redis.exists(`games:${gameId}`), { timeout: 15_000, interval: 10 }).toBe(1);
}

/** Something that the relay answers by itself, after whatever it was sent before. */
async function askedInVain(doors: Doors): Promise<void> {
  expect(await doors.overNats({ payload: '{}' })).toMatchObject({ status: 400 });
}

async function invoke(doors: Doors, event: object) {
  const url = new URL('/2015-03-31/functions/assign/invocations', doors.stack.addresses.assignUrl);
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(event) });
  return (await response.json()) as { statusCode: number; body: string };
}
