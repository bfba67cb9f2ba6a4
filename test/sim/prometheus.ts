import type { Fleet } from './fleet.ts';
import { EXPORTER_AGE_S, FALLBACK_WINDOW_S } from './model.ts';
import { isWithin } from './scenarios.ts';
import type { World } from './world.ts';

/** An answer for the whole fleet; one position in every array is one instance. */
export interface Answer {
  /** 1 where there is a sample with both CPU and RAM. */
  readonly sampled: Uint8Array;
  /** When it was scraped, as a tick. */
  readonly at: Float64Array;
  /** Cores and bytes. */
  readonly cpu: Float64Array;
  readonly ram: Float64Array;
}

export interface Prometheus {
  /** Scrapes whoever is due. */
  scrape(tick: number): void;
  /** What it answers now; changes with the next scrape. */
  answer(): Answer;
}

export interface PrometheusOptions {
  /** Seconds, whole. */
  readonly scrapeIntervalS: number;
  readonly cpuWindowS: number;
}

/**
 * A rate needs two samples, so a window of less than two scrapes is empty and the next one is taken; where that is too
 * short as well there is never a rate.
 */
export function windowInUse({ scrapeIntervalS, cpuWindowS }: PrometheusOptions): number | undefined {
  return [cpuWindowS, FALLBACK_WINDOW_S].find((windowS) => windowS >= 2 * scrapeIntervalS);
}

export function createPrometheus(world: World, fleet: Fleet, options: PrometheusOptions): Prometheus {
  const { scrapeIntervalS } = options;
  const windowS = windowInUse(options);
  const random = world.random('scrapes');
  const phase = world.sizes.map(() => random.whole(scrapeIntervalS));
  const exporterAge = world.random('exporter');
  const scrapes = new Int32Array(fleet.instances);
  const exportedAt = new Int32Array(fleet.instances);
  const newest = emptyAnswer(fleet.instances);
  let frozen: Answer | undefined;
  let missing: readonly number[] = [];

  function scrapeOne(i: number, tick: number) {
    // Drawn also for the dead: everybody gets the same ages whatever has been placed where.
    const age = Math.round(exporterAge.uniform() * EXPORTER_AGE_S);
    if (!fleet.isAlive(i) || missing.includes(i)) {
      scrapes[i] = 0;
      newest.sampled[i] = 0;
      return;
    }
    const bornAt = fleet.bornAt[i]!;
    const to = Math.max(exportedAt[i]!, bornAt, tick - age);
    exportedAt[i] = to;
    scrapes[i]! += 1;
    newest.sampled[i] = Number(scrapes[i]! >= 2 && windowS !== undefined);
    if (newest.sampled[i] === 0 || windowS === undefined) return;
    newest.at[i] = tick;
    newest.cpu[i] = averageCpu(fleet, i, to, windowS);
    newest.ram[i] = fleet.ramAt(to, i);
  }

  return {
    scrape(tick) {
      missing = missingAt(world, tick, missing);
      const { frozen: spells } = world.scenario;
      if (spells && isWithin(spells, tick)) frozen ??= copyOf(newest);
      else frozen = undefined;
      for (let i = 0; i < fleet.instances; i += 1) {
        if (tick >= phase[i]! && (tick - phase[i]!) % scrapeIntervalS === 0) scrapeOne(i, tick);
      }
    },
    answer: () => frozen ?? newest,
  };
}

/** Mean use over the window that ends at `to`; what was before the instance's start counts as nothing. */
function averageCpu(fleet: Fleet, instance: number, to: number, windowS: number): number {
  const from = Math.max(fleet.bornAt[instance]!, to - windowS);
  return (fleet.cpuUsedUntil(to, instance) - fleet.cpuUsedUntil(from, instance)) / windowS;
}

function missingAt({ missing, scenario }: World, tick: number, before: readonly number[]): readonly number[] {
  const spells = scenario.missing?.spells;
  if (spells === undefined) return [];
  if (spells !== 'always' && !isWithin(spells, tick)) return [];
  return missing.get(tick) ?? before;
}

function emptyAnswer(instances: number): Answer {
  const column = () => new Float64Array(instances);
  return { sampled: new Uint8Array(instances), at: column(), cpu: column(), ram: column() };
}

export function copyOf({ sampled, at, cpu, ram }: Answer): Answer {
  return { sampled: sampled.slice(), at: at.slice(), cpu: cpu.slice(), ram: ram.slice() };
}
