import type { Reply } from '../api/outcomes.ts';
import type { Clock } from '../app/ports.ts';
import type { Ask, Question } from './ask-in-time.ts';
import type { Deadlines } from './deadlines.ts';

/** Between a refusal and the next time of asking, ms. */
const ASK_EVERY_MS = 50;
/**
 * Kept for the last time of asking, ms, which nearly every answer comes within: one that is still open at the end makes
 * of a refusal an unknown outcome.
 */
const LAST_ASK_MS = 100;

export interface CapacityWait {
  /**
   * Asks, and where every instance is full asks again until `untilMs`; a refusal that stands is given then, and not
   * earlier. The first time of asking has until `deadlineMs`, and the others until `untilMs`.
   */
  ask(question: Question, deadlineMs: number, untilMs: number): Promise<Reply>;
  /** Whoever waits is refused now, and nobody waits any more. */
  stop(): void;
}

/** Waits outside of batches: each time of asking is an item of its own, and what goes on beside it is not held up. */
export function waitForCapacity(ask: Ask, deadlines: Deadlines, clock: Clock): CapacityWait {
  const pauses = new Set<() => void>();
  let stopped = false;

  /** Resolves at `atMs`, or when there is no more waiting. */
  function pauseUntil(atMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        deadline.cancel();
        pauses.delete(end);
        resolve();
      };
      const deadline = deadlines.at(atMs, end);
      pauses.add(end);
    });
  }

  return {
    async ask(question, deadlineMs, untilMs) {
      let reply = await ask(question, deadlineMs);
      while (isFull(reply) && !stopped && clock() < untilMs) {
        const againAtMs = clock() + ASK_EVERY_MS;
        const hasTime = againAtMs + LAST_ASK_MS <= untilMs;
        await pauseUntil(hasTime ? againAtMs : untilMs);
        if (!hasTime || stopped) break;
        reply = await ask(question, untilMs);
      }
      return reply;
    },
    stop() {
      stopped = true;
      for (const end of pauses) end();
    },
  };
}

function isFull(reply: Reply): boolean {
  return !reply.success && reply.code === 'no_capacity';
}
