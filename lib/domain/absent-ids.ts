/** Ids kept at once; beyond it the ones that are known to be absent the longest go. */
const MOST = 1000;
/** An id is forgotten after this time, ms. Who still asks for a game on it brings it back. */
const KEPT_MS = 3_600_000;

/** Instances that were there once and are not any more, as far as one process has seen. */
export interface AbsentIds {
  add(id: string, nowMs: number): void;
  /** They are there (again). */
  remove(ids: Iterable<string>): void;
  list(nowMs: number): readonly string[];
}

export function createAbsentIds(): AbsentIds {
  /** When each was found absent, ms; the longest absent first. */
  const since = new Map<string, number>();
  return {
    add(id, nowMs) {
      if (since.has(id)) return;
      since.set(id, nowMs);
      const [oldest] = since.keys();
      if (since.size > MOST && oldest !== undefined) since.delete(oldest);
    },
    remove(ids) {
      if (since.size === 0) return;
      for (const id of ids) since.delete(id);
    },
    list(nowMs) {
      for (const [id, sinceMs] of since) {
        if (nowMs - sinceMs < KEPT_MS) break;
        since.delete(id);
      }
      return [...since.keys()];
    },
  };
}
