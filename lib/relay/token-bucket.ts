import type { Clock } from '../app/ports.ts';

export interface RateLimit {
  /** So many a second in the long run; above 0. */
  readonly perS: number;
  /** So many at once after a quiet time; at least 1. */
  readonly burst: number;
}

/** A token bucket, full at first. Returns whether one more may pass now, and counts it if so. */
export function createTokenBucket({ perS, burst }: RateLimit, clock: Clock): () => boolean {
  let tokens = burst;
  let filledAtMs = clock();

  return () => {
    const nowMs = clock();
    tokens = Math.min(burst, tokens + (Math.max(0, nowMs - filledAtMs) * perS) / 1000);
    filledAtMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
