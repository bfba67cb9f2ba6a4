import type { FleetView } from './fleet.ts';

/** Instances of a kind that one report may name. */
const MOST = 256;

export interface PresenceReport {
  /** When Consul was asked, ms since 1970 by our clock. */
  readonly atMs: number;
  readonly gone: readonly string[];
  /** Instances that were marked as gone, and are listed and do not fail. */
  readonly back: readonly string[];
}

/** What to tell of instances that are gone or back, as far as one process knows. */
export interface PresenceReports {
  /**
   * Undefined where `view` cannot tell, or there is nothing to tell.
   * @param alsoGone ids that the view does not have at all
   */
  of(view: FleetView | undefined, alsoGone?: readonly string[]): PresenceReport | undefined;
  /** Somebody has a game on this instance: where too many are gone to name them all, it is named. */
  askedAbout(id: string): void;
  /** All those, and no others, are marked as gone. */
  marked(ids: readonly string[]): void;
}

export function createPresenceReports(): PresenceReports {
  let markedIds: readonly string[] = [];
  /** The last asked about is the last in it. */
  const asked = new Set<string>();

  return {
    of(view, alsoGone = []) {
      if (view?.absence === undefined) return undefined;
      const { askedAtMs, gone } = view.absence;
      const report = { atMs: askedAtMs, gone: upTo(MOST, alsoGone, gone, asked), back: backIn(view, markedIds) };
      return report.gone.length + report.back.length === 0 ? undefined : report;
    },
    askedAbout(id) {
      asked.delete(id);
      asked.add(id);
      const [oldest] = asked;
      if (asked.size > MOST && oldest !== undefined) asked.delete(oldest);
    },
    marked(ids) {
      markedIds = ids;
    },
  };
}

/** At most `most` of `first` and `others`, `first` before `others` and those of `others` in `preferred` before the rest. */
function upTo(
  most: number,
  first: readonly string[],
  others: readonly string[],
  preferred: ReadonlySet<string>,
): readonly string[] {
  if (first.length === 0 && others.length <= most) return others;
  const ordered = [...first, ...others.filter((id) => preferred.has(id)), ...others];
  return [...new Set(ordered)].slice(0, most);
}

function backIn({ list }: FleetView, marked: readonly string[]): readonly string[] {
  if (marked.length === 0) return [];
  const wanted = new Set(marked);
  const back = list.instances.filter(({ id, status }) => status !== 'gone' && wanted.has(id));
  return back.slice(0, MOST).map(({ id }) => id);
}
