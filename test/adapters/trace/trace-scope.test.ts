import { expect, it } from 'vitest';
import { createTraceScope } from '../../../lib/adapters/trace/trace-scope.ts';
import { type Trace, traceOf } from '../../../lib/api/trace.ts';
import { noLimit } from '../../support/http-server.ts';

function parentOf(digit: number): string {
  return `00-${String(digit).repeat(32)}-b7ad6b7169203331-01`;
}

function trace(digit: number): Trace {
  return traceOf([{ traceparent: parentOf(digit) }])!;
}

it('knows the trace across all that the work waits for, and of works side by side each its own', async () => {
  const scope = createTraceScope();
  async function work() {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return [scope.ids(), scope.headers()];
  }

  const seen = await Promise.all([1, 2].map((digit) => scope.within(trace(digit), work)));

  expect(seen).toEqual([1, 2].map((digit) => [String(digit).repeat(32), { traceparent: parentOf(digit) }]));
  expect(scope.current()).toBeUndefined();
});

it('knows none in what traced work begins for somebody else', () => {
  const scope = createTraceScope();

  scope.within(trace(1), () => {
    scope.within(undefined, () => expect([scope.current(), scope.ids(), scope.headers()]).toEqual(Array(3)));
    expect(scope.current()).toEqual(trace(1));
  });
});

it('carries items out in the trace of theirs, and without one in none', async () => {
  const scope = createTraceScope();
  const seen: unknown[] = [];
  const allocate = scope.traced(async () => {
    seen.push(scope.ids());
    return [];
  });
  const items = [1, 2].map((digit) => ({ op: 'assign', request: {}, traceparent: parentOf(digit) }));

  await scope.within(trace(3), async () => {
    await allocate(items, noLimit());
    await allocate([{ op: 'assign', request: {} }], noLimit());
    await scope.traced(allocate, scope.current)(items.slice(1), noLimit());
  });

  expect(seen).toEqual([`${'1'.repeat(32)} ${'2'.repeat(32)}`, undefined, '2'.repeat(32)]);
});

it('carries items without a trace out in the one that is given for them', async () => {
  const scope = createTraceScope();
  const seen: unknown[] = [];
  const allocate = scope.traced(async () => {
    seen.push(scope.ids());
    return [];
  }, scope.current);

  await scope.within(trace(3), () => allocate([{ op: 'assign', request: {} }], noLimit()));

  expect(seen).toEqual(['3'.repeat(32)]);
});
