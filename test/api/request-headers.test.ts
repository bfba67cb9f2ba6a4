import { expect, it } from 'vitest';
import { DEFAULT_BUDGET_MS, readTimeoutMs, readTraceparent } from '../../lib/api/request-headers.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

it('leaves 435 ms of the default half second', () => {
  expect(readTimeoutMs(undefined)).toEqual({ value: 500 });
  expect(DEFAULT_BUDGET_MS).toBe(435);
});

it.each([
  ['100', 100],
  ['500', 500],
  ['10000', 10_000],
  ['0500', 500],
])('reads a Timeout-Ms of %s', (header, value) => {
  expect(readTimeoutMs(header)).toEqual({ value });
});

it.each([
  '',
  '99',
  '10001',
  '0',
  '-500',
  '500.5',
  '5e2',
  '0x1f4',
  ' 500',
  '500 ',
  '500ms',
  '500,500',
  'NaN',
  '٥٠٠',
  '9'.repeat(70_000),
])('refuses a Timeout-Ms of %.20j', (header) => {
  expect(readTimeoutMs(header)).toEqual({
    failure: { code: 'invalid_request', message: 'Timeout-Ms must be a whole number from 100 to 10000.' },
  });
});

it.each([`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-00`, `cc-${TRACE}-${SPAN}-ff`])(
  'passes on the traceparent %s',
  (header) => {
    expect(readTraceparent(header)).toBe(header);
  },
);

it.each([
  undefined,
  '',
  `ff-${TRACE}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-01-x`,
  `00-${TRACE}-${SPAN}-01\r\nset-cookie: x`,
  ` 00-${TRACE}-${SPAN}-01`,
])('takes the traceparent %j for none', (header) => {
  expect(readTraceparent(header)).toBeUndefined();
});
