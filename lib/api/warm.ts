import { setTimeout } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { BatchItem } from './batch.ts';

/** The longest that a warming call holds its environment, ms: it is billed. */
const LONGEST_HOLD_MS = 100;

const WarmRequest = z.object({ hold_ms: z.number().check(z.minimum(0)) });

/** Whether these are calls by which a relay keeps environments warm: they ask for nothing. */
export function isWarming(items: readonly BatchItem[]): boolean {
  return items.every(({ op }) => op === 'warm');
}

/** Holds this environment for the time that is asked for, so that calls beside this one land in others. Never throws. */
export async function holdWarm(items: readonly BatchItem[], signal: AbortSignal): Promise<void> {
  const asked = items.map(({ request }) => WarmRequest.safeParse(request).data?.hold_ms ?? 0);
  const holdMs = Math.min(LONGEST_HOLD_MS, Math.max(...asked));
  await setTimeout(holdMs, undefined, { signal }).catch(() => undefined); // aborted: nobody waits for it any more
}
