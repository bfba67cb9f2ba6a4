import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { failureReply, type Reply } from '../../lib/api/outcomes.ts';
import type { Ask, Question } from '../../lib/relay/ask-in-time.ts';
import { createDeadlines } from '../../lib/relay/deadlines.ts';
import { waitForCapacity } from '../../lib/relay/wait-for-capacity.ts';

const ASKED: Question = { op: 'assign', request: { game_id: 'g' }, attempt: 'p-1' };
const PLACED: Reply = { success: true, instance_id: 'i' };
const FULL = failureReply({ code: 'no_capacity' });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Answers after 5 ms with what `answer` says of the time since the start, ms. */
function setUp(answer: (atMs: number) => Reply) {
  const startedAtMs = Date.now();
  const sinceStart = () => Date.now() - startedAtMs;
  const asked: { atMs: number; untilMs: number; question: Question }[] = [];
  const ask: Ask = async (question, deadlineMs) => {
    const atMs = sinceStart();
    asked.push({ atMs, untilMs: deadlineMs - startedAtMs, question });
    await new Promise((resolve) => setTimeout(resolve, 5));
    return answer(atMs);
  };
  const waiting = waitForCapacity(ask, createDeadlines(Date.now), Date.now);
  const answered: { reply: Reply; atMs: number }[] = [];
  return {
    asked,
    answered,
    stop: waiting.stop,
    start(deadlineMs: number, untilMs: number) {
      void waiting
        .ask(ASKED, startedAtMs + deadlineMs, startedAtMs + untilMs)
        .then((reply) => answered.push({ reply, atMs: sinceStart() }));
    },
  };
}

it('asks again 50 ms after each refusal, with the same question, until there is a place', async () => {
  const { start, asked, answered } = setUp((atMs) => (atMs < 160 ? FULL : PLACED));

  start(2000, 1000);
  await vi.advanceTimersByTimeAsync(2000);

  expect(asked.map(({ atMs }) => atMs)).toEqual([0, 55, 110, 165]);
  expect(new Set(asked.map(({ question }) => question))).toEqual(new Set([ASKED]));
  expect(answered).toEqual([{ reply: PLACED, atMs: 170 }]);
  expect(vi.getTimerCount()).toBe(0);
});

it.each([
  [450, 400],
  [450, 450],
  [9950, 1000],
])('with %i ms for a reply and %i for waiting, refuses at the end of the waiting', async (deadlineMs, untilMs) => {
  const { start, asked, answered } = setUp(() => FULL);

  start(deadlineMs, untilMs);
  await vi.advanceTimersByTimeAsync(untilMs);

  expect(answered).toEqual([{ reply: FULL, atMs: untilMs }]);
  // The last time of asking has the time to be answered.
  expect(untilMs - asked.at(-1)!.atMs).toBeGreaterThanOrEqual(100);
  expect(untilMs - asked.at(-1)!.atMs).toBeLessThan(160);
  expect(asked.map((each) => each.untilMs)).toEqual([deadlineMs, ...Array(asked.length - 1).fill(untilMs)]);
});

it('does not ask again where there is too little time for an answer', async () => {
  const { start, asked, answered } = setUp(() => FULL);

  start(450, 140);
  await vi.advanceTimersByTimeAsync(450);

  expect(asked).toHaveLength(1);
  expect(answered).toEqual([{ reply: FULL, atMs: 140 }]);
});

it('is over at once where no time is left for waiting', async () => {
  const { start, answered } = setUp(() => FULL);

  start(450, 0);
  await vi.advanceTimersByTimeAsync(450);

  expect(answered).toEqual([{ reply: FULL, atMs: 5 }]);
});

it('waits for capacity and for nothing else', async () => {
  const unreached = failureReply({ code: 'upstream_unavailable' });
  const { start, answered } = setUp((atMs) => (atMs < 50 ? FULL : unreached));

  start(450, 450);
  await vi.advanceTimersByTimeAsync(450);

  expect(answered).toEqual([{ reply: unreached, atMs: 60 }]);
});

it('refuses everybody who waits when it is told to stop, and lets nobody wait afterwards', async () => {
  const { start, stop, asked, answered } = setUp(() => FULL);
  start(9000, 9000);
  start(9000, 9000);
  await vi.advanceTimersByTimeAsync(20);

  stop();
  await vi.advanceTimersByTimeAsync(0);
  expect(answered).toEqual(Array(2).fill({ reply: FULL, atMs: 20 }));
  expect(vi.getTimerCount()).toBe(0);
  start(9000, 9000);
  await vi.advanceTimersByTimeAsync(9000);

  expect(answered.at(-1)).toEqual({ reply: FULL, atMs: 25 });
  expect(asked).toHaveLength(3);
});

it('is refused when it is told to stop while it asks', async () => {
  const { start, stop, answered } = setUp(() => FULL);
  start(9000, 9000);

  stop();
  await vi.advanceTimersByTimeAsync(5);

  expect(answered).toEqual([{ reply: FULL, atMs: 5 }]);
});

it('shares a timer between those who were refused together', async () => {
  const { start } = setUp(() => FULL);

  for (let i = 0; i < 50; i += 1) start(9000, 9000);
  await vi.advanceTimersByTimeAsync(5);

  expect(vi.getTimerCount()).toBe(1);
});

it('asks once more where there is just the time for an answer', async () => {
  const { start, asked } = setUp(() => FULL);

  // Refused after 5 ms; asked again 50 ms later, with 100 ms left.
  start(450, 155);
  await vi.advanceTimersByTimeAsync(450);

  expect(asked.map(({ atMs }) => atMs)).toEqual([0, 55]);
});

it('refuses at once where the refusal comes when the waiting is over', async () => {
  const { start, answered } = setUp(() => FULL);

  start(450, 5);
  await vi.advanceTimersByTimeAsync(5);

  expect(answered).toEqual([{ reply: FULL, atMs: 5 }]);
  expect(vi.getTimerCount()).toBe(0);
});
