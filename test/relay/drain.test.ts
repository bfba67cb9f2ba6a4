import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { drain } from '../../lib/relay/drain.ts';
import { createRelay } from '../../lib/relay/relay.ts';
import { ASSIGN, fakeLog, fakeMessage } from './fake-message.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function start() {
  const { log, events } = fakeLog();
  const steps: string[] = [];
  const relay = createRelay({
    allocate: async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      steps.push('answered');
      return [{ success: true, instance_id: 'i' }];
    },
    clock: Date.now,
    log,
    maxInFlight: 10,
  });
  const { handle } = relay.serve(ASSIGN);
  const connection = {
    // A message that was on its way comes in between.
    stopTaking: async () => {
      steps.push('stop');
      handle(fakeMessage({ game_id: 'late' }).message);
    },
    flush: async () => void steps.push('flush'),
    close: async () => void steps.push('close'),
  };
  return { log, events, steps, relay, handle, connection };
}

it('stops taking, waits for what is in flight, flushes and closes, in this order', async () => {
  const { connection, relay, handle, log, steps, events } = start();
  handle(fakeMessage({ game_id: 'g' }).message);

  const drained = drain(connection, relay, log);
  await vi.advanceTimersByTimeAsync(300);
  await drained;

  expect(steps).toEqual(['stop', 'answered', 'answered', 'flush', 'close']);
  expect(events).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it('goes on to the next step when one fails or hangs', async () => {
  const { connection, relay, log, steps, events } = start();

  const drained = drain(
    { ...connection, stopTaking: () => Promise.reject(new Error('gone')), flush: () => new Promise(() => undefined) },
    relay,
    log,
  );
  await vi.advanceTimersByTimeAsync(2000);
  await drained;

  expect(steps).toEqual(['close']);
  expect(events).toEqual(['drain_step_failed', 'drain_step_failed']);
});

it('says which step failed, why, and how many requests were in flight', async () => {
  const { connection, relay } = start();
  const warning = vi.fn();
  const log = { debug: vi.fn(), info: vi.fn(), warning, error: vi.fn() };
  const never = () => new Promise<void>(() => undefined);

  const drained = drain(
    { ...connection, stopTaking: never, flush: never, close: () => Promise.reject(new Error('closed')) },
    { ...relay, finish: never, inFlight: () => 3 },
    log,
  );
  await vi.advanceTimersByTimeAsync(20_000);
  await drained;

  const told = warning.mock.calls.map(([event, fields, error]) => [event, fields.step, (error as Error).message]);
  expect(told).toEqual([
    ['drain_step_failed', 'stop_taking', 'Not done within 2000 ms'],
    ['drain_step_failed', 'finish', 'Not done within 10500 ms'],
    ['drain_step_failed', 'flush', 'Not done within 2000 ms'],
    ['drain_step_failed', 'close', 'closed'],
  ]);
  expect(warning.mock.calls.map(([, fields]) => fields.in_flight)).toEqual([3, 3, 3, 3]);
});
