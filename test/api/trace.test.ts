import { expect, it } from 'vitest';
import { readTrace, traceOf } from '../../lib/api/trace.ts';

const ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${ID}-b7ad6b7169203331-01`;

function parentOf(digit: number): string {
  return TRACEPARENT.replace(ID, String(digit).repeat(32));
}

function read(headers: Readonly<Record<string, string>>) {
  return readTrace((name) => headers[name]);
}

it('reads both headers as they came', () => {
  expect(read({ traceparent: TRACEPARENT })).toEqual({ context: { traceparent: TRACEPARENT }, ids: ID });
  expect(read({ traceparent: TRACEPARENT, tracestate: 'rojo=00f067aa0ba902b7,congo=t61' })).toEqual({
    context: { traceparent: TRACEPARENT, tracestate: 'rojo=00f067aa0ba902b7,congo=t61' },
    ids: ID,
  });
});

it.each([{}, { tracestate: 'a=b' }, { traceparent: 'x', tracestate: 'a=b' }, { traceparent: `${TRACEPARENT}\n` }])(
  'has no trace in %j',
  (headers) => {
    expect(read(headers)).toBeUndefined();
  },
);

it('passes on a tracestate of 512 characters', () => {
  const tracestate = 'a'.repeat(512);

  expect(read({ traceparent: TRACEPARENT, tracestate })?.context.tracestate).toBe(tracestate);
});

it.each(['', ' a=b', 'a=b\r\nx: y', 'a=ё', 'a=\u0000', 'a'.repeat(513)])(
  'drops the tracestate %.20j alone',
  (tracestate) => {
    expect(read({ traceparent: TRACEPARENT, tracestate })).toEqual({ context: { traceparent: TRACEPARENT }, ids: ID });
  },
);

it('takes for several requests the first context, and the ids of all', () => {
  const requests = [
    {},
    { traceparent: 'x', tracestate: 'x=y' },
    { traceparent: parentOf(1), tracestate: 'a=b' },
    { traceparent: parentOf(2) },
    { traceparent: parentOf(1) },
  ];

  expect(traceOf(requests)).toEqual({
    context: { traceparent: parentOf(1), tracestate: 'a=b' },
    ids: `${'1'.repeat(32)} ${'2'.repeat(32)}`,
  });
  expect(traceOf([{}, { traceparent: 'x' }])).toBeUndefined();
});

it('has at most 8 ids', () => {
  const ids = traceOf(Array.from({ length: 9 }, (_, index) => ({ traceparent: parentOf(index + 1) })))?.ids;

  expect(ids?.split(' ').map((id) => id[0])).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
});
