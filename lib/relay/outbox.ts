import type { Clock } from '../app/ports.ts';

/** So many are kept at most: of small replies what comes in some seconds, of lists of 3,000 instances about 80. */
const MAX_KEPT = 8192;
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/** A reply that is ready to be sent. */
export interface FinishedReply {
  readonly bytes: number;
  /** Until then it is any use to whoever waits for it, ms on the outbox's clock. */
  readonly usefulUntilMs: number;
  /** Hands it over for sending. May throw: what is too large is refused. */
  readonly send: () => void;
}

/** Sends replies, each at most once, and keeps those that are ready while nothing can be sent. */
export interface Outbox {
  /** Sends `reply`, and throws what that throws; or keeps it, and never throws. */
  put(reply: FinishedReply): void;
  /** From now on replies are kept. */
  hold(): void;
  /** Sends what was kept and is still of use, in the order in which it came; from now on replies are sent at once. */
  release(): void;
  /** Throws away what is kept. */
  abandon(): void;
  /** Replies that are kept and still of use. */
  kept(): number;
  /** Replies thrown away: their time was over, there were too many, or they could not be sent when it was possible. */
  lost(): number;
}

/** Begins in the state in which replies are sent at once. */
export function createOutbox(clock: Clock): Outbox {
  let holding = false;
  let waiting: FinishedReply[] = [];
  let bytes = 0;
  let lost = 0;

  /** What it throws away nobody waits for any more. */
  function prune(): void {
    const nowMs = clock();
    const useful = waiting.filter(({ usefulUntilMs }) => usefulUntilMs > nowMs);
    lost += waiting.length - useful.length;
    waiting = useful;
    bytes = useful.reduce((sum, reply) => sum + reply.bytes, 0);
  }

  function isFull(reply: FinishedReply): boolean {
    return waiting.length >= MAX_KEPT || bytes + reply.bytes > MAX_KEPT_BYTES;
  }

  return {
    put(reply) {
      if (!holding) return reply.send();
      if (isFull(reply)) prune();
      if (isFull(reply)) {
        lost += 1;
        return;
      }
      waiting.push(reply);
      bytes += reply.bytes;
    },
    hold() {
      holding = true;
    },
    release() {
      holding = false;
      prune();
      // Emptied first: none of them may be sent again, whatever happens below.
      const useful = waiting;
      waiting = [];
      bytes = 0;
      for (const { send } of useful) {
        try {
          send();
        } catch {
          lost += 1; // the server that is there now takes smaller ones only
        }
      }
    },
    abandon() {
      lost += waiting.length;
      waiting = [];
      bytes = 0;
    },
    kept() {
      prune();
      return waiting.length;
    },
    lost() {
      prune();
      return lost;
    },
  };
}
