import type { ServerResponse } from 'node:http';

/** What the stand-in function does with a batch; `attempts` are those of its items. */
export type FunctionAnswer = (response: ServerResponse, attempts: readonly string[]) => void;

/** One way in which the function answers the relay wrongly, and what the caller is to get. */
interface WrongAnswer {
  readonly answer: FunctionAnswer;
  readonly code: 'upstream_unavailable' | 'deadline_exceeded';
  /** Calls that the relay makes of it. */
  readonly calls: number;
}

/** One number of the list of hostile inputs, that concerns what the function answers the relay. */
export interface FunctionCase {
  /** Begins with its group and number. */
  readonly name: string;
  readonly wrong: readonly WrongAnswer[];
}

/** In every text that must not come through. */
export const FOREIGN = 'foreign-text';
export const PLACED = { success: true, instance_id: '10.0.0.3', port: 5002 };
const HTML = `<html>${FOREIGN}</html>`;

export const FUNCTION_CASES: readonly FunctionCase[] = [
  {
    name: 'G92 200 with something else in it',
    wrong: [
      ...['', HTML, 'null', '7', '[]', '{}', '{"v":1}', '{"v":2,"items":[{"success":true}]}'].map((text) =>
        refused(raw(200, text)),
      ),
      ...[[], [PLACED, PLACED], [null], ['10.0.0.3'], [[PLACED]]].map((items) => refused(answeredWith(items))),
      ...[
        { success: true },
        { ...PLACED, success: 'true' },
        { ...PLACED, success: false },
        { ...PLACED, instance_id: '' },
        { ...PLACED, instance_id: 7 },
        { ...PLACED, instance_id: 'a.*' },
        { ...PLACED, instance_id: `${FOREIGN} b` },
        { ...PLACED, port: '5002' },
        { ...PLACED, port: 70_000 },
        { ...PLACED, replayed: 'yes' },
        { ...PLACED, degraded: FOREIGN },
        { success: false, code: FOREIGN, message: FOREIGN, retryable: true },
        { success: false, code: 'no_capacity', retryable: true },
      ].map((item) => refused(answeredWith([item]))),
    ],
  },
  {
    name: 'G93 200 with the answer to another game',
    wrong: [['another'], [], ['another', 'one more'], [null], FOREIGN, null].map((attempts) =>
      refused((response) => json(response, { v: 1, items: [PLACED], attempts })),
    ),
  },
  {
    name: 'G94 502 in HTML, 403 for the signature, 429 with any Retry-After',
    wrong: [
      { answer: raw(502, HTML), code: 'deadline_exceeded', calls: 2 },
      { answer: raw(500, JSON.stringify({ v: 1, items: [PLACED] })), code: 'deadline_exceeded', calls: 2 },
      { answer: raw(403, JSON.stringify({ message: FOREIGN })), code: 'upstream_unavailable', calls: 1 },
      { answer: raw(302, '', { location: 'http://127.0.0.1:1/' }), code: 'upstream_unavailable', calls: 1 },
      ...['99999', 'Fri, 31 Dec 9999 23:59:59 GMT', FOREIGN, '-1', ''].map((after) => {
        return { answer: raw(429, HTML, { 'retry-after': after }), code: 'upstream_unavailable', calls: 2 } as const;
      }),
    ],
  },
  {
    name: 'G95 a body of 10 MB',
    wrong: [
      {
        answer: raw(200, JSON.stringify({ v: 1, items: [PLACED], x: 'x'.repeat(10_000_000) })),
        code: 'deadline_exceeded',
        calls: 1,
      },
    ],
  },
  {
    name: 'G96 the connection breaks after the headers',
    wrong: [
      {
        answer: (response) => {
          response.writeHead(200, { 'content-length': '100' });
          response.write('{"v":1,', () => response.socket?.resetAndDestroy());
        },
        code: 'deadline_exceeded',
        calls: 2,
      },
    ],
  },
];

/** Not tried again: it would be so again. */
function refused(answer: FunctionAnswer): WrongAnswer {
  return { answer, code: 'upstream_unavailable', calls: 1 };
}

function raw(status: number, body: string, headers: Record<string, string> = {}): FunctionAnswer {
  return (response) => response.writeHead(status, headers).end(body);
}

function answeredWith(items: readonly unknown[]): FunctionAnswer {
  return (response) => json(response, { v: 1, items });
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
