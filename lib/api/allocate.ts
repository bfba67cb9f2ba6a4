import type { BatchItem } from './batch.ts';
import type { Reply } from './outcomes.ts';

/**
 * Carries out operations, in this process or in a function far away: one reply per item, in the items' order.
 * What fails for one item is that item's reply. Throws UpstreamError where no replies could be had at all.
 */
export type Allocate = (items: readonly BatchItem[], signal: AbortSignal) => Promise<readonly Reply[]>;
