import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Op } from '../../lib/api/op.ts';
import { type FailureCode, failureReply } from '../../lib/api/outcomes.ts';
import type { Answer, ClientOptions } from '../../lib/client/allocator-client.ts';
import { createClient, type Question } from '../../lib/client/create-client.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const SUCCESS: Answer<'assign'> = { success: true, instance_id: '10.0.0.1' };

/** A client whose door gives these answers, one after another, each after `tookMs`. */
function clientOf(answers: readonly (Answer<Op> | FailureCode)[], { tookMs = 10, ...options }: Taking = {}) {
  const asked: Question[] = [];
  const waiting = [...answers];
  const client = createClient(async (question) => {
    asked.push(question);
    const answer = waiting.shift();
    if (answer === undefined) throw new Error('asked too often');
    await new Promise((resolve) => setTimeout(resolve, tookMs));
    return typeof answer === 'string' ? failureReply({ code: answer }) : answer;
  }, options);
  return { client, asked };
}
interface Taking extends ClientOptions {
  readonly tookMs?: number;
}

/** The answer, and how long it took. */
async function timed<T>(answer: Promise<T>): Promise<{ readonly answer: T; readonly ms: number }> {
  const startedAt = performance.now();
  await vi.runAllTimersAsync();
  return { answer: await answer, ms: performance.now() - startedAt };
}

it('asks for each operation with what it takes', async () => {
  const settings = { resource_level: 'high' } as const;
  const { client, asked } = clientOf(Array.from({ length: 8 }, () => SUCCESS));

  const all = Promise.all([
    client.assign('a', settings),
    client.lookup('b'),
    client.renew('c'),
    client.release('d'),
    client.instance({ resource_type: 'ram' }),
    client.instances(),
    client.fleet(),
    client.explain('e', settings),
  ]);
  await timed(all);

  expect(asked.map(({ op, request }) => [op, request])).toEqual([
    ['assign', { game_id: 'a', settings }],
    ['lookup', { game_id: 'b' }],
    ['renew', { game_id: 'c' }],
    ['release', { game_id: 'd' }],
    ['instance', { resource_type: 'ram' }],
    ['instances', {}],
    ['fleet', {}],
    ['explain', { game_id: 'e', settings }],
  ]);
});

it("says how long the caller waits: half a second, or the client's own, or the call's", async () => {
  const { client, asked } = clientOf([SUCCESS]);
  const patient = clientOf([SUCCESS, SUCCESS], { timeoutMs: 2000 });
  await timed(client.lookup('a'));
  await timed(patient.client.lookup('a'));
  await timed(patient.client.lookup('a', { timeoutMs: 1234.5, traceparent: 'trace' }));

  expect([...asked, ...patient.asked].map(({ timeoutMs, headers }) => [timeoutMs, headers])).toEqual([
    [500, { 'Timeout-Ms': '500' }],
    [2000, { 'Timeout-Ms': '2000' }],
    [1234, { 'Timeout-Ms': '1234', traceparent: 'trace' }],
  ]);
});

it.each([99, 10_001, Number.NaN])('takes no timeout of %s ms', async (timeoutMs) => {
  const { client, asked } = clientOf([]);

  await expect(client.lookup('a', { timeoutMs })).rejects.toThrow(RangeError);
  expect(asked).toEqual([]);
});

it.each([
  { code: 'upstream_unavailable', timeoutMs: 500, pause: [50, 100] },
  { code: 'deadline_exceeded', timeoutMs: 500, pause: [0, 1] },
  { code: 'overloaded', timeoutMs: 3000, pause: [500, 1000] },
] as const)('asks once more after $code, in the time that is left', async ({ code, timeoutMs, pause }) => {
  const { client, asked } = clientOf([code, SUCCESS], { timeoutMs });

  const { answer, ms } = await timed(client.assign('a'));

  expect(answer).toEqual(SUCCESS);
  expect(ms - 20).toBeGreaterThanOrEqual(pause[0]);
  expect(ms - 20).toBeLessThanOrEqual(pause[1]);
  expect(asked).toHaveLength(2);
  expect(asked[1]?.request).toEqual(asked[0]?.request);
  // Rounded down to whole milliseconds.
  expect(asked[1]?.timeoutMs).toBeLessThanOrEqual(timeoutMs - (ms - 10));
  expect(asked[1]?.timeoutMs).toBeGreaterThan(timeoutMs - (ms - 10) - 1);
  expect(asked[1]?.headers['Timeout-Ms']).toBe(String(asked[1]?.timeoutMs));
});

it('gives the second failure, and asks no third time', async () => {
  const { client, asked } = clientOf(['upstream_unavailable', 'deadline_exceeded'], { timeoutMs: 5000 });

  expect((await timed(client.assign('a'))).answer).toMatchObject({ code: 'deadline_exceeded' });
  expect(asked).toHaveLength(2);
});

it.each([
  { code: 'no_capacity', why: 'is the same a moment later' },
  { code: 'no_instance', why: 'is the same a moment later' },
  { code: 'invalid_request', why: 'is never otherwise' },
  { code: 'upstream_unavailable', why: 'is not to be asked again', options: { retry: false } },
  { code: 'deadline_exceeded', why: 'leaves no time', options: { tookMs: 401 } },
  { code: 'overloaded', why: 'leaves no time for a second', options: { timeoutMs: 1000 } },
] as const)('does not ask again where $code $why', async ({ code, ...more }) => {
  const { client, asked } = clientOf([code], 'options' in more ? more.options : {});

  expect((await timed(client.assign('a'))).answer).toMatchObject({ success: false, code });
  expect(asked).toHaveLength(1);
});

it('can be told for one call whether to ask again', async () => {
  const { client, asked } = clientOf(['upstream_unavailable', 'upstream_unavailable', SUCCESS], { retry: false });

  expect((await timed(client.assign('a'))).answer).toMatchObject({ code: 'upstream_unavailable' });
  expect((await timed(client.assign('a', undefined, { retry: true }))).answer).toEqual(SUCCESS);
  expect(asked).toHaveLength(3);
});
