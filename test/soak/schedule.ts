import { createRandom } from '../support/random.ts';

/** What may be done to the service, by the part that it is done to: one part has one thing wrong with it at a time. */
export const FAULTS = {
  'relay killed': 'relay',
  'relay stopped': 'relay',
  'environment killed': 'functions',
  'environment stopped': 'functions',
  'functions killed': 'functions',
  'functions stopped': 'functions',
  'nats killed': 'nats',
  'nats stopped': 'nats',
  'redis killed': 'redis',
  'redis stopped': 'redis',
  'rest front killed': 'rest front',
  'rest front stopped': 'rest front',
  'replies of redis lost': 'way to redis',
  'replies of redis late': 'way to redis',
  'redis refuses': 'way to redis',
  'consul killed': 'consul',
  'consul stopped': 'consul',
  'consul lists nobody': 'way to consul',
  'prometheus killed': 'prometheus',
  'prometheus stopped': 'prometheus',
  'instance fails its checks': 'instance',
} as const;
export type FaultName = keyof typeof FAULTS;

export interface PlannedFault {
  readonly name: FaultName;
  /** When it begins, ms from the start. */
  readonly atMs: number;
  /** How long it lasts before it is taken back, ms. */
  readonly holdMs: number;
  /** Uniform in [0, 1): which of several relays, environments or instances. */
  readonly which: number;
}

const EVERY_MS = 3000;
/** The last one is taken back before the end. */
const LAST_BEFORE_END_MS = 4000;
const SHORTEST_MS = 200;
const LONGEST_MS = 2500;

/** One fault every three seconds, each kind once in a round of all of them, in an order that `seed` decides. */
export function planFaults(seed: string, durationMs: number): readonly PlannedFault[] {
  const random = createRandom(`faults ${seed}`);
  const planned: PlannedFault[] = [];
  let round: FaultName[] = [];
  for (let atMs = EVERY_MS; atMs <= durationMs - LAST_BEFORE_END_MS; atMs += EVERY_MS) {
    if (round.length === 0) round = Object.keys(FAULTS) as FaultName[];
    const [name] = round.splice(random.whole(round.length), 1);
    if (name === undefined) break;
    const holdMs = SHORTEST_MS + random.whole(LONGEST_MS - SHORTEST_MS);
    planned.push({ name, atMs, holdMs, which: random.uniform() });
  }
  return planned;
}
