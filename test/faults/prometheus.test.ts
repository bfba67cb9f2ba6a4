import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, fastest, newGames, PATIENT_TIMEOUT_MS, perInstance, refusals } from '../e2e/load.ts';
import { type HttpFault, type HttpFaultProxy, PASS, type PassedAnswer } from '../support/http-fault-proxy.ts';
import { type PlacementWorld, startPlacementWorld } from './placement-world.ts';

const INSTANCES = 10;
const CALLER_TIMEOUT_MS = 500;

let world: PlacementWorld;
let prometheus: HttpFaultProxy;
let addresses: readonly string[];

beforeAll(async () => {
  // A new look at the load for every call but those that come together.
  world = await startPlacementWorld({ instances: INSTANCES, functionEnv: { FLEET_FRESH_MS: '0' } });
  prometheus = world.proxies.prometheus;
  addresses = (await world.stack.fleetReport()).map(({ address }) => address);
});
afterAll(() => world?.stop());
beforeEach(() => world.begin());

const isDegraded = ({ reply }: Answer) => reply?.success === true && reply.degraded?.includes('prometheus') === true;
const isSound = ({ reply }: Answer) => reply?.success === true && reply.degraded === undefined;

function place(count: number, timeoutMs = PATIENT_TIMEOUT_MS): Promise<readonly Answer[]> {
  return Promise.all(newGames(count).map((gameId) => world.caller.overNats(gameId, timeoutMs)));
}

async function expectPromisesKept(answers: readonly Answer[]): Promise<void> {
  expect(refusals(answers)).toEqual([]);
  await world.readRecords(answers.filter(({ reply }) => reply?.success).map(({ gameId }) => gameId));
  expect(world.checker.violations()).toEqual([]);
}

// The first one: it is about a fleet of which no instance is busier than another.
it('F17 200 games within one frozen scrape over ten instances: none has more than twice the mean', async () => {
  let first: PassedAnswer | undefined;
  prometheus.set({
    kind: 'edit',
    edit: (answer) => {
      first ??= answer;
      return first;
    },
  });
  await world.untilAnswer(isSound);

  const answers = [...(await place(100)), ...(await place(100))];

  expect(Math.max(...Object.values(perInstance(answers)))).toBeLessThanOrEqual((2 * 200) / INSTANCES);
  await expectPromisesKept(answers);
});

it.each<[string, HttpFault]>([
  ['cannot be reached', { kind: 'reset' }],
  ['is slow', { kind: 'late', ms: 2000 }],
  ['never answers', { kind: 'hang' }],
  ['is overloaded', { kind: 'answer', status: 503, body: 'query queue is full' }],
  [
    'cannot carry out the query',
    { kind: 'answer', status: 422, body: '{"status":"error","errorType":"execution","error":"expanding series"}' },
  ],
  ['answers with another page', { kind: 'answer', status: 200, body: '<html>Welcome to nginx!</html>' }],
])('F16 a Prometheus that %s: games are placed all the same and in time, and that is said', async (_how, fault) => {
  prometheus.set(fault);
  await world.untilAnswer(isDegraded);

  const answers: Answer[] = [];
  for (const gameId of newGames(5)) answers.push(await world.caller.overNats(gameId));

  expect(answers.filter(isSound)).toEqual([]);
  expect(fastest(answers)).toBeLessThan(CALLER_TIMEOUT_MS);
  await expectPromisesKept(answers);
});

it('F16 Prometheus killed: games are placed all the same, and that is said until it is back', async () => {
  const answers = await world.whileKilled(world.stack.prometheus, async () => {
    await world.untilAnswer(isDegraded);
    return place(20);
  });

  expect(Object.keys(perInstance(answers)).length).toBeGreaterThan(INSTANCES / 2);
  await world.untilAnswer(isSound);
  await expectPromisesKept(answers);
});

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}
interface Vector {
  readonly data: { readonly result: readonly Series[] };
  readonly warnings?: readonly string[];
}

/** Changes the answer to the query. */
function edited(edit: (vector: Vector) => Vector): HttpFault {
  return {
    kind: 'edit',
    edit: (answer: PassedAnswer) => ({ ...answer, body: JSON.stringify(edit(JSON.parse(answer.body) as Vector)) }),
  };
}

function editedSeries(edit: (series: Series) => readonly Series[]): HttpFault {
  return edited((vector) => ({ ...vector, data: { ...vector.data, result: vector.data.result.flatMap(edit) } }));
}

it('F16 an answer with warnings is used for what is in it, and the log says so once', async () => {
  const logged = async () =>
    (await readFile(world.stack.functions.logFile, 'utf8')).split('"prometheus_warnings"').length;
  const before = await logged();
  prometheus.set(edited((vector) => ({ ...vector, warnings: ['a store did not answer'] })));

  const answers: Answer[] = [];
  while ((await logged()) === before) answers.push(await world.untilAnswer(() => true));
  answers.push(...(await place(20)), await world.untilAnswer(isSound));

  expect((await logged()) - before).toBe(1);
  expect(answers.filter(({ reply }) => reply?.degraded)).toEqual([]);
  await expectPromisesKept(answers);
});

const isOf = (series: Series, address: string) => series.metric['instance']?.split(':')[0] === address;

describe('F16 a busy fleet', () => {
  const strange = () => addresses[0] ?? '';

  beforeAll(async () => {
    prometheus.set(PASS);
    for (const address of addresses) {
      const cpuCores = address === strange() ? 3.9 : 2.4;
      await world.stack.changeInstance(address, { load: { cpuCores, memoryBytes: 4e9 } });
    }
    await untilMeasured((use) => use.every((cores) => cores > 0.8) && Math.max(...use) === use[0]);
  });
  afterAll(async () => {
    for (const address of addresses) await world.stack.changeInstance(address, { load: 'games' });
  });

  it.each(['NaN', '+Inf', '-Inf', '', '-1'])(
    'F16 its busiest instance, of which the load is "%s", does not win by that',
    async (value) => {
      const scrapes = new Set<string>();
      const edit = (series: Series) => {
        if (!isOf(series, strange())) return series;
        if (series.metric['m'] !== 'ts') return withValue(series, value);
        scrapes.add(series.value[1]);
        return series;
      };
      prometheus.set(editedSeries((series) => [edit(series)]));
      // Of the first scrape that is seen the right values may be known.
      while (scrapes.size < 2) await world.untilAnswer(isSound);

      const answers = await place(30);

      // Read as 0 it would have been the idlest by far, and have got nearly all of them.
      expect(perInstance(answers)[strange()] ?? 0).toBeLessThanOrEqual((2 * 30) / INSTANCES);
      await expectPromisesKept(answers);
    },
  );
});

function withValue(series: Series, value: string): Series {
  return { ...series, value: [series.value[0], value] };
}

/** Until Prometheus says this of the cores that every instance uses, in the order of `addresses`. */
async function untilMeasured(wanted: (cores: readonly number[]) => boolean): Promise<void> {
  for (;;) {
    const samples = await world.stack.measuredLoad();
    const use = addresses.map((address) => samples.get(address)?.cpuCores ?? 0);
    if (wanted(use)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

it('F16 samples of an hour ago, or with every series twice: games are placed all the same, over all instances', async () => {
  const hourAgo = (series: Series) =>
    series.metric['m'] === 'ts' ? withValue(series, String(Number(series.value[1]) - 3600)) : series;
  prometheus.set(editedSeries((series) => [hourAgo(series)]));
  const stale = [await world.untilAnswer(isSound), ...(await place(40))];
  prometheus.set(editedSeries((series) => [series, series]));
  const twice = [await world.untilAnswer(isSound), ...(await place(40))];

  for (const answers of [stale, twice]) {
    expect(Object.keys(perInstance(answers)).length).toBeGreaterThan(INSTANCES / 2);
    await expectPromisesKept(answers);
  }
});
