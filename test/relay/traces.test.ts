import { expect, it } from 'vitest';
import { createLog } from '../../lib/adapters/log/create-log.ts';
import { createTraceScope } from '../../lib/adapters/trace/trace-scope.ts';
import type { BatchItem } from '../../lib/api/batch.ts';
import type { Reply } from '../../lib/api/outcomes.ts';
import { reachFunction, reachOwn } from '../../lib/relay/reach-function.ts';
import { createRelay, type RelayOptions } from '../../lib/relay/relay.ts';
import { ASSIGN, fakeMessage } from './fake-message.ts';

const PLACED: Reply = { success: true, instance_id: '10.0.0.3' };

function idOf(digit: number): string {
  return String(digit).repeat(32);
}

function parentOf(digit: number): string {
  return `00-${idOf(digit)}-b7ad6b7169203331-01`;
}

/** A relay before something that answers each call when it is told to, with the log that it writes at DEBUG. */
function setUp(own: boolean, more: Partial<RelayOptions> = {}) {
  const scope = createTraceScope();
  const lines: Record<string, unknown>[] = [];
  const config = { service: 's', level: 'DEBUG', format: 'json', traceCaller: false } as const;
  const log = createLog({ ...config, trace: scope.ids }, (line) => lines.push(JSON.parse(line)));
  const calls: { readonly items: readonly BatchItem[]; readonly headers: unknown; answer(replies: Reply[]): void }[] =
    [];
  function ask(items: readonly BatchItem[]): Promise<Reply[]> {
    return new Promise((resolve) => void calls.push({ items, headers: scope.headers(), answer: resolve }));
  }
  const clock = Date.now;
  const way = own
    ? reachOwn(ask, clock, { traced: scope.traced })
    : reachFunction({ post: ask, keepWarm: 0, clock, random: Math.random, log, traced: scope.traced });
  const options = { allocate: way.allocate, clock, log, maxInFlight: 100, runInTrace: scope.within, ...more };
  const relay = createRelay(options);
  const { handle } = relay.serve(ASSIGN);
  function send(body: unknown, headers: Readonly<Record<string, string>> = {}) {
    const { message, replies } = fakeMessage(body, headers);
    handle(message);
    return replies;
  }
  return { send, calls, lines, finish: relay.finish };
}

/** Of each line what it is about, and its trace. */
function told(lines: readonly Record<string, unknown>[]) {
  return lines.map(({ event, outcome, op, trace }) => [event, outcome ?? op, trace]);
}

it.each([false, true])('gives each request its own trace through a batch and back (own: %s)', async (own) => {
  const { send, calls, lines, finish } = setUp(own);
  const replies = [
    send({ game_id: 'a' }),
    send({ game_id: 'b' }, { traceparent: parentOf(1), tracestate: 'a=b' }),
    send({ game_id: 'c' }, { TraceParent: parentOf(2) }),
    send({ game_id: 'd' }, { traceparent: 'x' }),
  ];
  await expect.poll(() => calls.length).toBe(1);

  calls[0]!.answer([PLACED, PLACED, PLACED, PLACED]);
  await finish();

  const none = [undefined, undefined];
  expect(calls[0]!.items.map(({ traceparent, tracestate }) => [traceparent, tracestate])).toEqual([
    none,
    [parentOf(1), 'a=b'],
    [parentOf(2), undefined],
    none,
  ]);
  expect(calls[0]!.headers).toEqual({ traceparent: parentOf(1), tracestate: 'a=b' });
  expect(replies.map(([reply]) => reply?.traceparent)).toEqual([undefined, parentOf(1), parentOf(2), undefined]);
  expect(told(lines)).toEqual(
    [undefined, idOf(1), idOf(2), undefined].map((trace) => ['request_answered', 'success', trace]),
  );
});

it.each([false, true])('keeps a trace from the batch that goes out after it (own: %s)', async (own) => {
  const { send, calls, finish } = setUp(own);
  send({ game_id: 'a' }, { traceparent: parentOf(1) });
  await expect.poll(() => calls.length).toBe(1);
  send({ game_id: 'b' });
  send({ game_id: 'c' });

  calls[0]!.answer([PLACED]);
  await expect.poll(() => calls.length).toBe(2);
  calls[1]!.answer([PLACED, PLACED]);
  await finish();

  expect(calls.map(({ headers }) => headers)).toEqual([{ traceparent: parentOf(1) }, undefined]);
});

it('tells of the trace in what it logs of a failure, also of several', async () => {
  const { send, calls, lines, finish } = setUp(false);
  send({ game_id: 'a' }, { traceparent: parentOf(1) });
  send({ game_id: 'b' }, { traceparent: parentOf(2) });
  await expect.poll(() => calls.length).toBe(1);

  calls[0]!.answer([PLACED, { success: 'maybe' } as unknown as Reply]);
  await finish();

  expect(told(lines)).toEqual([
    ['allocator_reply_invalid', 'assign', `${idOf(1)} ${idOf(2)}`],
    ['request_answered', 'success', idOf(1)],
    ['request_answered', 'upstream_unavailable', idOf(2)],
  ]);
});

it.each([
  ['not JSON', 'invalid_request', {}],
  ['x'.repeat(20_000), 'too_large', {}],
  [{ game_id: 'a' }, 'overloaded', { maxInFlight: 0 }],
  [{ game_id: 'a' }, 'overloaded', { rateLimit: { perS: 0.001, burst: 0 } }],
] as const)('gives the trace back with a request that is refused: %.10j, %s', (body, code, options) => {
  const { send, lines } = setUp(false, options);

  const replies = send(body, { traceparent: parentOf(1) });

  expect(replies).toMatchObject([{ body: { code }, error: {}, traceparent: parentOf(1) }]);
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.map(({ trace }) => trace)).toEqual(lines.map(() => idOf(1)));
  expect(told(lines)).toContainEqual(['request_answered', code, idOf(1)]);
});

it('refuses headers that cannot be read, which have no trace', () => {
  const { send, lines } = setUp(false);
  const unreadable = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('unreadable');
      },
    },
  );

  const replies = send({ game_id: 'a' }, unreadable);

  expect(replies).toMatchObject([{ body: { code: 'invalid_request' }, traceparent: undefined }]);
  expect(told(lines)).toEqual([['request_answered', 'invalid_request', undefined]]);
});
