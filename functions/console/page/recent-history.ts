import type { FleetReply } from './types.ts';

export interface RecentSeries {
  readonly name: string;
  readonly kind: 'all' | 'instance' | 'others';
  /** Games in each bucket, the oldest first. */
  readonly games: readonly number[];
  readonly total: number;
}

export interface RecentHistory {
  readonly bucketS: number;
  readonly series: readonly RecentSeries[];
}

const byNaturalId = new Intl.Collator('en', { numeric: true });
/** Games placed in one half minute. Zeros are not kept. */
interface Bucket {
  readonly byId: Map<string, number>;
  total: number;
}

/** Half an hour of half minutes. */
const MOST_BUCKETS = 60;
/** What a reply knows. */
const REPLY_BUCKETS = 10;

/** Keeps where games went, from what each reply says of its last five minutes: longer than any reply knows. */
export function createRecentHistory(shownInstances: number) {
  /** By the start of the bucket, s since 1970. */
  const buckets = new Map<number, Bucket>();

  function add({ recent, instances }: FleetReply): void {
    if (recent === undefined) return;
    const { bucket_s: bucketS, newest_at_s: newestS } = recent;
    const told = Array.from({ length: REPLY_BUCKETS }, (_, index) => newestS - index * bucketS);
    for (const startS of told) if (!buckets.has(startS)) buckets.set(startS, { byId: new Map(), total: 0 });
    for (const { instance_id: id, recent: games = [] } of instances) {
      for (const [index, placed] of games.entries()) {
        const bucket = placed > 0 ? buckets.get(newestS - index * bucketS) : undefined;
        if (bucket === undefined) continue;
        bucket.total += placed - (bucket.byId.get(id) ?? 0);
        bucket.byId.set(id, placed);
      }
    }
    for (const startS of buckets.keys()) {
      if (startS > newestS || startS <= newestS - MOST_BUCKETS * bucketS) buckets.delete(startS);
    }
  }

  /** All together, those with the most games, and the rest of them as one. Undefined while nothing is known. */
  function read(bucketS: number): RecentHistory | undefined {
    if (buckets.size === 0) return undefined;
    const starts = startsOf([...buckets.keys()], bucketS);
    const totals = new Map<string, number>();
    for (const { byId } of buckets.values()) {
      for (const [id, games] of byId) totals.set(id, (totals.get(id) ?? 0) + games);
    }
    const ids = [...totals.keys()].sort((a, b) => (totals.get(b) ?? 0) - (totals.get(a) ?? 0) || (a < b ? -1 : 1));
    // One more rather than others who are one.
    const shown = ids.length <= shownInstances + 1 ? ids : ids.slice(0, shownInstances);
    // By their ids, or rows would change places all the time.
    const inOrder = shown.toSorted(byNaturalId.compare);
    const all = starts.map((startS) => buckets.get(startS)?.total ?? 0);
    const each = inOrder.map((id) => starts.map((startS) => buckets.get(startS)?.byId.get(id) ?? 0));
    const others = all.map((total, index) => each.reduce((left, games) => left - (games[index] ?? 0), total));
    const rest = ids.length - shown.length;
    return {
      bucketS,
      series: [
        series('All instances', 'all', all),
        ...inOrder.map((id, index) => series(id, 'instance', each[index] ?? [])),
        ...(rest > 0 ? [series(`${rest} others`, 'others', others)] : []),
      ],
    };
  }

  return { add, read };
}

/** Without a gap, also where the page was not there to see a bucket. */
function startsOf(known: readonly number[], bucketS: number): readonly number[] {
  const oldest = Math.min(...known);
  const length = Math.round((Math.max(...known) - oldest) / bucketS) + 1;
  return Array.from({ length }, (_, index) => oldest + index * bucketS);
}

function series(name: string, kind: RecentSeries['kind'], games: readonly number[]): RecentSeries {
  return { name, kind, games, total: games.reduce((sum, each) => sum + each, 0) };
}
