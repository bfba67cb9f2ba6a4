import { createAbsentIds } from '../domain/absent-ids.ts';
import type { DegradedSource, FleetList, FleetView, LoadReport, SourceState, ViewSources } from '../domain/fleet.ts';
import { isDoubtful } from '../domain/list-doubt.ts';
import { createCachedSource, type Reading } from './cached-source.ts';
import type { Meter } from './meter.ts';
import type { Clock, Discovery, Log, Metrics } from './ports.ts';
import type { SavedList } from './saved-list.ts';

/** Up to this age a view is used and refreshed beside the placement call; older, the request waits for the refresh. */
const BESIDE_MS = 10_000;
/** The longest that one source may take; the caller's half second has to hold it and the placement call. */
const SOURCE_TIMEOUT_MS = 150;
/**
 * The same for the first list of a process, without which there is no answer at all: Consul takes 60 to 100 ms of CPU for
 * a list of 3,000, and more when several new environments ask at once.
 */
const FIRST_LIST_TIMEOUT_MS = 220;
/** Of a wait that is longer than usual, what is left for reading the saved list. */
const SAVED_LIST_MS = 80;
/** Kept for the placement call and the way back. */
const RESERVED_MS = 130;

export interface FleetViewsOptions {
  readonly discovery: Discovery;
  /** Absent: games are placed by our own counts, and that is not degraded. */
  readonly metrics: Metrics | undefined;
  readonly savedList: SavedList;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly meter: Meter;
  readonly freshMs: number;
  readonly staleMs: number;
}

/** A view for one placement call. */
export interface OpenView {
  /** Undefined when nobody could tell who is there. */
  readonly view: FleetView | undefined;
  readonly sources: ViewSources;
  /** To be called after the placement call; see Reading.release. */
  release(waitMs: number): Promise<void>;
}

export interface FleetViews {
  /**
   * What the allocator knows of the fleet, at most as old as configured. `budgetMs`: what the operation has left. With
   * `newest` what is not fresh is waited for, which takes longer and tells at once of a source that is gone.
   */
  open(budgetMs: number, newest?: boolean): Promise<OpenView>;
  /** Somebody has a game on this instance, which the list of a view with `absence` did not have. */
  noteAbsent(instanceId: string): void;
}

interface DiscoveredList {
  readonly list: FleetList;
  /** Consul's newest answer lacked most of it and waits for a second answer that says the same. */
  readonly doubted: boolean;
  /** When the request for `list` began, ms. */
  readonly askedAtMs: number;
  readonly failing: readonly string[];
}

const NO_LOAD: LoadReport = { samples: new Map() };

/** Who is there and how loaded, both kept in this process's memory, each refreshed by itself. */
export function createFleetViews(options: FleetViewsOptions): FleetViews {
  const { discovery, metrics, savedList, log, meter } = options;
  const common = { ...options, besideMs: BESIDE_MS, timeoutMs: SOURCE_TIMEOUT_MS };
  const warnOfStrangers = createStrangerWarning(log);
  const absent = createAbsentIds();
  let believed: DiscoveredList | undefined;

  const lists = createCachedSource<DiscoveredList>({
    ...common,
    name: 'consul',
    firstTimeoutMs: FIRST_LIST_TIMEOUT_MS,
    async ask(signal) {
      const askedAtMs = options.clock();
      const next = await discovery.list(signal);
      if (believed !== undefined && !believed.doubted && isDoubtful(believed.list, next)) {
        log.warning('consul_list_doubted', { had: believed.list.instances.length, has: next.instances.length });
        believed = { ...believed, doubted: true };
      } else {
        noteChanges(believed?.list, next);
        const failing = next.instances.filter(({ status }) => status === 'gone').map(({ id }) => id);
        believed = { list: next, doubted: false, askedAtMs, failing };
        savedList.offer(next);
      }
      return believed;
    },
  });

  const loads =
    metrics &&
    createCachedSource({
      ...common,
      name: 'prometheus',
      ask: async (signal) => ({ report: await metrics.load(signal), atMs: options.clock() }),
    });

  /** What others have seen, where this process has seen nothing yet; from then on it is this one's last good list. */
  async function readSaved(waitMs: number): Promise<Pick<DiscoveredList, 'list' | 'askedAtMs'> | undefined> {
    const saved = await savedList.read(waitMs);
    if (saved === undefined) return undefined;
    const found = { list: saved.list, doubted: false, askedAtMs: saved.atMs, failing: [] };
    lists.seed(found, saved.atMs);
    return found;
  }

  function stateOf(degraded: boolean | undefined, atMs: number | undefined): SourceState {
    const state = degraded ? 'degraded' : 'ok';
    return atMs === undefined ? { state } : { state, ageMs: Math.max(0, options.clock() - atMs) };
  }

  function noteChanges(previous: FleetList | undefined, next: FleetList): void {
    const there = new Set(next.instances.map(({ id }) => id));
    for (const { id } of previous?.instances ?? []) {
      if (!there.has(id)) absent.add(id, options.clock());
    }
    absent.remove(there);
  }

  return {
    async open(budgetMs, newest = false) {
      const waitMs = budgetMs - RESERVED_MS; // each source keeps its own limit
      const listWaitMs = Math.max(Math.min(SOURCE_TIMEOUT_MS, waitMs), waitMs - SAVED_LIST_MS);
      const startedMs = options.clock();
      const [listed, load] = await Promise.all([lists.read(listWaitMs, newest), loads?.read(waitMs, newest)]);
      const release = async (ms: number) => {
        const endMs = options.clock() + ms;
        await Promise.all([listed.release(ms), load?.release(ms)]);
        await savedList.release(Math.max(0, endMs - options.clock())); // what the refresh may have begun
      };
      if (listed.ageMs !== undefined) meter.viewAge('consul', listed.ageMs);
      if (load?.ageMs !== undefined) meter.viewAge('prometheus', load.ageMs);
      const degraded: DegradedSource[] = [];
      if (listed.degraded || listed.value?.doubted) degraded.push('consul');
      if (load?.degraded) degraded.push('prometheus');

      const leftMs = budgetMs - RESERVED_MS - (options.clock() - startedMs);
      const found = listed.value ?? (await readSaved(Math.min(SOURCE_TIMEOUT_MS, leftMs)));
      const sources: ViewSources = {
        consul: stateOf(degraded.includes('consul'), found?.askedAtMs),
        prometheus: load === undefined ? { state: 'off' } : stateOf(load.degraded, load.value?.atMs),
      };
      if (found === undefined) return { view: undefined, sources, release };
      const { list, askedAtMs } = found;
      const report = load?.value?.report ?? NO_LOAD;
      if (isNew(load)) warnOfStrangers(list, report);
      const view = { list, load: report, degraded };
      if (listed.value === undefined || degraded.includes('consul')) return { view, sources, release };
      const gone = [...listed.value.failing, ...absent.list(options.clock())];
      return { view: { ...view, absence: { askedAtMs, gone } }, sources, release };
    },
    noteAbsent(instanceId) {
      // A newer list than the asker's may have it.
      const isListed = believed?.list.instances.some(({ id }) => id === instanceId);
      if (!isListed) absent.add(instanceId, options.clock());
    },
  };
}

function isNew(load: Reading<unknown> | undefined): boolean {
  return load?.value !== undefined && !load.degraded;
}

/** Labels shown of each side, so that a line stays a line. */
const SHOWN = 5;

/**
 * Metrics of which none belongs to an instance of the list are a wrong query or label, and every instance looks
 * unknown: said once, with both sides, when it begins.
 */
function createStrangerWarning(log: Log): (list: FleetList, load: LoadReport) => void {
  let warned = false;
  return (list, { samples }) => {
    const strangers = list.instances.length > 0 && !list.instances.some(({ id }) => samples.has(id));
    if (strangers && !warned) {
      log.warning('metrics_match_no_instance', {
        instances: list.instances
          .slice(0, SHOWN)
          .map(({ id }) => id)
          .join(' '),
        metrics: [...samples.keys()].slice(0, SHOWN).join(' ') || 'none',
      });
    }
    warned = strangers;
  };
}
