/** What a utilisation is of: the CPU, the RAM, or whichever of the two is the higher on that instance. */
export type Measure = 'cpu' | 'ram' | 'higher';

/** Something that goes on for a while, again and again or once. Times in seconds of the simulation. */
export interface Spell {
  readonly firstAtS: number;
  readonly forS: number;
  /** Absent: once. */
  readonly everyS?: number;
}

export interface Scenario {
  readonly name: string;
  readonly instances: number;
  readonly mixed: boolean;
  /** Mean of the utilisation that games and background reach together. */
  readonly utilisation: number;
  /** `both`: every game is `low` or `high`, half and half. */
  readonly level: 'low' | 'high' | 'both';
  readonly warmUpS: number;
  readonly measuredS: number;
  /** Games of this share of the capacity arrive within `forS`, on top of the others. */
  readonly spike?: Spell & { readonly share: number; readonly countsInMean: boolean };
  /** No game arrives in it. */
  readonly idle?: Spell;
  /** Empty instances that join at once, as a share of the fleet. */
  readonly joining?: { readonly atS: number; readonly share: number };
  /** An instance dies at the start of each spell. */
  readonly crash?: Spell;
  /** A share of the instances has no metrics: for ever, or in spells, each time others. */
  readonly missing?: { readonly share: number; readonly spells: Spell | 'always' };
  /** Prometheus's answers stay as they were. */
  readonly frozen?: Spell;
  /** RAM taken by something else, each instance its own share. */
  readonly ramBaseline?: { readonly least: number; readonly most: number };
  /** Redis loses everything at the start of each spell. */
  readonly emptied?: Spell;
}

/*
 * Sizes, shares, durations and how often are those of placement.md. Ours is when: the first spike, spell without
 * metrics or flush five minutes into the measured hour, new instances after ten. What placement.md says once ("for 5
 * minutes") comes every quarter of an hour, each time to others; the games of joining instances' fleets stay as many.
 * outage-autoscale: the instances come after an hour of frozen metrics, which stay so for half of the measured hour.
 */
const WARM_UP_S = 30 * 60;
const MEASURED_S = 60 * 60;
const MINUTE_S = 60;

/** Ours: three of them in the hour, and the mean utilisation with them is the scenario's. */
const SPIKE = { share: 0.3, firstAtS: WARM_UP_S + 5 * MINUTE_S, forS: 10, everyS: 20 * MINUTE_S, countsInMean: true };

/** The aggregate figures are over these. */
export const AGGREGATE: readonly Scenario[] = [
  scenario('n4', { instances: 4 }),
  scenario('n16', { instances: 16 }),
  scenario('n64'),
  scenario('n256', { instances: 256 }),
  scenario('util40', { utilisation: 0.4 }),
  scenario('util85', { utilisation: 0.85 }),
  scenario('util85-n256', { utilisation: 0.85, instances: 256 }),
  scenario('mixed-n16', { instances: 16, mixed: true }),
  scenario('mixed-n64', { mixed: true }),
  scenario('mixed-n64-85', { mixed: true, utilisation: 0.85 }),
  scenario('spike', { spike: SPIKE }),
  scenario('autoscale', { joining: { atS: WARM_UP_S + 10 * MINUTE_S, share: 0.25 } }),
  scenario('crash', { crash: { firstAtS: WARM_UP_S - 5 * MINUTE_S, forS: 90, everyS: 5 * MINUTE_S } }),
  scenario('missing-5min', { missing: { share: 0.1, spells: everyQuarterHour() } }),
  scenario('missing-always', { missing: { share: 0.1, spells: 'always' } }),
  scenario('outage', { frozen: everyQuarterHour() }),
  scenario('ram', { level: 'high' }),
  scenario('levels', { level: 'both' }),
  scenario('ram-spike', { level: 'high', spike: SPIKE }),
];

/** Reported apart. */
export const APART: readonly Scenario[] = [
  scenario('ram-baseline', { level: 'high', ramBaseline: { least: 0.25, most: 0.5 } }),
  scenario('idle-burst', {
    utilisation: 0.5,
    warmUpS: WARM_UP_S + 60 * MINUTE_S,
    measuredS: 30 * MINUTE_S,
    idle: { firstAtS: WARM_UP_S, forS: 61 * MINUTE_S },
    spike: { share: 0.5, firstAtS: WARM_UP_S + 60 * MINUTE_S, forS: MINUTE_S, countsInMean: false },
  }),
  scenario('outage-autoscale', {
    warmUpS: WARM_UP_S + 60 * MINUTE_S,
    frozen: { firstAtS: WARM_UP_S, forS: 90 * MINUTE_S },
    joining: { atS: WARM_UP_S + 60 * MINUTE_S, share: 0.1 },
  }),
  scenario('redis-emptied', { emptied: { firstAtS: WARM_UP_S + 5 * MINUTE_S, forS: 0, everyS: 20 * MINUTE_S } }),
];

export const SCENARIOS: readonly Scenario[] = [...AGGREGATE, ...APART];

export function findScenario(name: string): Scenario | undefined {
  return SCENARIOS.find((scenario) => scenario.name === name);
}

export function measureOf({ level }: Scenario): Measure {
  return level === 'low' ? 'cpu' : level === 'high' ? 'ram' : 'higher';
}

export function durationOf({ warmUpS, measuredS }: Scenario): number {
  return warmUpS + measuredS;
}

/** How many instances there are at most, with those that join. */
export function mostInstances({ instances, joining }: Scenario): number {
  return instances + (joining ? Math.round(instances * joining.share) : 0);
}

/** Whether `tick` is the first second of one of the spells. */
export function startsAt({ firstAtS, everyS }: Spell, tick: number): boolean {
  if (everyS === undefined) return tick === firstAtS;
  return tick >= firstAtS && (tick - firstAtS) % everyS === 0;
}

export function isWithin({ firstAtS, forS, everyS }: Spell, tick: number): boolean {
  if (tick < firstAtS) return false;
  const since = tick - firstAtS;
  return (everyS === undefined ? since : since % everyS) < forS;
}

function everyQuarterHour(): Spell {
  return { firstAtS: WARM_UP_S + 5 * MINUTE_S, forS: 5 * MINUTE_S, everyS: 15 * MINUTE_S };
}

function scenario(name: string, what: Partial<Scenario> = {}): Scenario {
  return {
    name,
    instances: 64,
    mixed: false,
    utilisation: 0.7,
    level: 'low',
    warmUpS: WARM_UP_S,
    measuredS: MEASURED_S,
    ...what,
  };
}
