import { expect, it } from 'vitest';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import type { Post } from '../../lib/relay/forward.ts';
import { ANSWERED_ELSEWHERE, ATTEMPT_RESULTS, createFailureCounter } from '../../lib/relay/upstream-failures.ts';

const NONE = { refused: 0, connect: 0, reset: 0, timeout: 0, status: 0, invalid_body: 0 };
const signal = new AbortController().signal;

function failing(error: unknown): Post {
  return async () => {
    throw error;
  };
}

it('counts what calls fail of by its cause, and passes it on', async () => {
  const failures = createFailureCounter();
  for (const failure of ['refused', 'connect', 'reset', 'timeout', 'status', 'invalid_body', 'refused'] as const) {
    const error = new UpstreamError('allocator', failure);
    await expect(failures.watch(failing(error))([], signal)).rejects.toBe(error);
  }
  failures.invalidReply();

  expect(failures.read()).toEqual({ refused: 2, connect: 1, reset: 1, timeout: 1, status: 1, invalid_body: 2 });
});

it('passes answers on and counts nothing', async () => {
  const failures = createFailureCounter();

  expect(await failures.watch(async () => ['answer'])([], signal)).toEqual(['answer']);

  expect(failures.read()).toEqual(NONE);
});

it('counts neither a call that was not needed any more nor a defect', async () => {
  const failures = createFailureCounter();
  const stopped: Post = failures.watch(failing(new UpstreamError('allocator', 'timeout')));

  await expect(stopped([], AbortSignal.abort(ANSWERED_ELSEWHERE))).rejects.toThrow();
  await expect(failures.watch(failing(new TypeError('x')))([], signal)).rejects.toThrow();
  expect(failures.read()).toEqual(NONE);

  await expect(stopped([], AbortSignal.abort())).rejects.toThrow();
  expect(failures.read()).toEqual({ ...NONE, timeout: 1 });
});

it.each([
  [new UpstreamError('allocator', 'status', { status: 204 }), '2xx'],
  [new UpstreamError('allocator', 'status', { status: 302 }), '3xx'],
  [new UpstreamError('allocator', 'status', { status: 429 }), '4xx'],
  [new UpstreamError('allocator', 'status', { status: 503 }), '5xx'],
  [new UpstreamError('allocator', 'status'), '5xx'],
  [new UpstreamError('redis', 'error_reply'), 'error_reply'],
  [new UpstreamError('allocator', 'timeout'), 'timeout'],
  [new TypeError('x'), 'cancelled'],
])('counts an attempt that ends in %s as %s', async (error, result) => {
  const failures = createFailureCounter();

  await expect(failures.watch(failing(error))([], signal)).rejects.toBe(error);

  expect(failures.attempts()).toEqual({ [result]: 1 });
  expect(ATTEMPT_RESULTS).toContain(result);
});

it('counts each attempt once: those answered, and those not needed any more', async () => {
  const failures = createFailureCounter();
  const stopped: Post = failures.watch(failing(new UpstreamError('allocator', 'timeout')));

  await failures.watch(async () => ['answer'])([], signal);
  failures.invalidReply();
  await expect(stopped([], AbortSignal.abort(ANSWERED_ELSEWHERE))).rejects.toThrow();

  expect(failures.attempts()).toEqual({ ok: 1, cancelled: 1 });
});

it('counts an error reply of Redis and every status together for /health', async () => {
  const failures = createFailureCounter();
  for (const error of [
    new UpstreamError('redis', 'error_reply'),
    new UpstreamError('allocator', 'status', { status: 429 }),
  ]) {
    await expect(failures.watch(failing(error))([], signal)).rejects.toBe(error);
  }

  expect(failures.read()).toEqual({ ...NONE, status: 2 });
});
