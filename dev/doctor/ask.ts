/** How the checks ask. */
export interface Asking {
  /** How long one question may take. */
  readonly timeoutMs: number;
  /** Fires when everything is to end. */
  readonly stop: AbortSignal;
  /** A limit for one question that begins now. */
  readonly limit: () => AbortSignal;
}

export function createAsking(timeoutMs: number, stop: AbortSignal): Asking {
  return { timeoutMs, stop, limit: () => AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]) };
}

/**
 * What `question` answers, and how long that took when it was asked a second time: the first time includes making a
 * connection, and starting this process.
 */
export async function timed<T>(question: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  await question();
  const startedAt = performance.now();
  const value = await question();
  return { value, ms: performance.now() - startedAt };
}

/** `answer`, unless `signal` fires first: for what takes no signal of its own. */
export function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
