import type { FailureCode, Reply } from '../api/outcomes.ts';

/** What has become of messages since the start. */
export interface Counts {
  readonly received: number;
  readonly succeeded: number;
  /** Failures by their code. */
  readonly failed: Readonly<Partial<Record<FailureCode, number>>>;
  /** From receipt to end, ms, over every message that came to one. */
  readonly answeringMs: number;
  /** The last failure's code and message. */
  readonly lastFailure: string | undefined;
}

export interface Counter {
  received(): void;
  ended(reply: Reply, tookMs: number): void;
  read(): Counts;
}

export function createCounter(): Counter {
  const count = { received: 0, succeeded: 0, answeringMs: 0 };
  const failed: Partial<Record<FailureCode, number>> = {};
  let lastFailure: string | undefined;

  return {
    received: () => {
      count.received += 1;
    },
    ended: (reply, tookMs) => {
      count.answeringMs += tookMs;
      if (reply.success) {
        count.succeeded += 1;
      } else {
        failed[reply.code] = (failed[reply.code] ?? 0) + 1;
        lastFailure = `${reply.code}: ${reply.message}`;
      }
    },
    read: () => ({ ...count, failed: { ...failed }, lastFailure }),
  };
}

/** Failures by their code, of several counts together. */
export function sumFailed(all: readonly Counts[]): Counts['failed'] {
  const failed: Partial<Record<FailureCode, number>> = {};
  for (const [code, count] of all.flatMap((counts) => Object.entries(counts.failed) as [FailureCode, number][])) {
    failed[code] = (failed[code] ?? 0) + count;
  }
  return failed;
}
