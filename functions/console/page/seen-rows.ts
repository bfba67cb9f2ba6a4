/** Which rows are in view, or nearly. */
export interface SeenRows {
  watch(row: Element): void;
  unwatch(row: Element): void;
  has(row: Element): boolean;
}

/** So that what is scrolled into view is there already. */
const MARGIN = '300px';

/** `onSeen` is told of each row of `region` that comes into view. */
export function watchSeenRows(region: Element, onSeen: (row: Element) => void): SeenRows {
  const seen = new Set<Element>();
  const observer = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        if (!isIntersecting) seen.delete(target);
        else if (!seen.has(target)) {
          seen.add(target);
          onSeen(target);
        }
      }
    },
    { root: region, rootMargin: MARGIN },
  );
  return {
    watch: (row) => observer.observe(row),
    unwatch(row) {
      observer.unobserve(row);
      seen.delete(row);
    },
    has: (row) => seen.has(row),
  };
}
