import { expect, it } from 'vitest';
import { createFleetViews } from '../../lib/app/fleet-views.ts';
import { NO_METER } from '../../lib/app/meter.ts';
import type { SavedList } from '../../lib/app/saved-list.ts';
import type { FleetList, LoadReport } from '../../lib/domain/fleet.ts';
import {
  controlledCall,
  fakeLog,
  fakeTime,
  fleetList,
  fleetOf,
  instance,
  isPending,
  loadReport,
  NOW_MS,
} from '../support/fakes.ts';

const BUDGET_MS = 435;

function setUp({ metrics = true, saved }: { metrics?: boolean; saved?: FleetList } = {}) {
  const time = fakeTime();
  const consul = controlledCall<FleetList>('consul');
  const prometheus = controlledCall<LoadReport>('prometheus');
  const log = fakeLog();
  const savedList = fakeSavedList(saved);
  const ages: [source: string, ms: number][] = [];
  const meter = { ...NO_METER, viewAge: (source: string, ms: number) => void ages.push([source, ms]) };
  const views = createFleetViews({
    discovery: { list: consul.call },
    metrics: metrics ? { load: prometheus.call } : undefined,
    savedList,
    clock: Date.now,
    random: () => 0.5,
    log,
    meter,
    freshMs: 2000,
    staleMs: 300_000,
  });
  /** Opens a view for which each source that is asked answers as given; undefined: it fails. */
  async function open(list: FleetList | undefined, load: LoadReport | undefined, budgetMs = BUDGET_MS) {
    const asked = [consul.calls.length, prometheus.calls.length];
    const opening = views.open(budgetMs);
    for (const call of consul.calls.slice(asked[0])) list ? call.answer(list) : call.fail();
    for (const call of prometheus.calls.slice(asked[1])) load ? call.answer(load) : call.fail();
    const opened = await opening;
    await opened.release(0);
    return opened.view;
  }
  return { time, consul, prometheus, log, savedList, views, ages, open };
}

function fakeSavedList(saved: FleetList | undefined) {
  const self = {
    offered: [] as FleetList[],
    reads: [] as number[],
    released: [] as number[],
    offer: (list: FleetList) => void self.offered.push(list),
    read: (waitMs: number) => {
      self.reads.push(waitMs);
      return Promise.resolve(saved && { list: saved, atMs: NOW_MS });
    },
    release: (waitMs: number) => {
      self.released.push(waitMs);
      return Promise.resolve();
    },
  } satisfies SavedList & Record<string, unknown>;
  return self;
}

it('asks both sources at the same time and joins what they say', async () => {
  const { views, consul, prometheus } = setUp();
  const list = fleetOf(2);
  const load = loadReport({ '10.0.0.1': {} });

  const opening = views.open(BUDGET_MS);
  expect([consul.calls.length, prometheus.calls.length]).toEqual([1, 1]);
  consul.last().answer(list);
  prometheus.last().answer(load);

  expect((await opening).view).toEqual({ list, load, degraded: [], absence: { askedAtMs: NOW_MS, gone: [] } });
});

it('tells the age of what each source had given, and nothing of one that had nothing to give', async () => {
  const { time, open, ages } = setUp();

  await open(fleetOf(2), undefined);
  expect(ages).toEqual([['consul', 0]]);
  await time.pass(1500);
  await open(undefined, loadReport({ '10.0.0.1': {} }));
  await time.pass(400);
  await open(undefined, undefined);

  expect(ages.slice(1)).toEqual([
    ['consul', 1500],
    ['prometheus', 0],
    ['consul', 1900],
    ['prometheus', 400],
  ]);
});

it('waits 220 ms for the first list, without which there is no answer, and no longer', async () => {
  const { time, views } = setUp();

  const opening = views.open(BUDGET_MS);
  await time.pass(219);
  expect(await isPending(opening)).toBe(true);
  await time.pass(1);

  expect((await opening).view).toBeUndefined();
});

it('waits 150 ms for both together when it has had a list before, and no longer', async () => {
  const { time, views, open } = setUp();
  await open(fleetOf(2), loadReport({ '10.0.0.1': {} }));
  await time.pass(10_001);

  const opening = views.open(BUDGET_MS);
  await time.pass(149);
  expect(await isPending(opening)).toBe(true);
  await time.pass(1);

  expect((await opening).view?.degraded).toEqual(['consul', 'prometheus']);
});

it('waits 150 ms for the first metrics: games can be placed without', async () => {
  const { time, views, consul } = setUp();
  const list = fleetOf(2);

  const opening = views.open(BUDGET_MS);
  consul.last().answer(list);
  await time.pass(149);
  expect(await isPending(opening)).toBe(true);
  await time.pass(1);

  expect((await opening).view).toMatchObject({ list, degraded: ['prometheus'] });
});

it('keeps 130 ms of a short budget for the placement call', async () => {
  const { time, views } = setUp();

  const opening = views.open(200);
  await time.pass(69);
  expect(await isPending(opening)).toBe(true);
  await time.pass(1);

  expect(await isPending(opening)).toBe(false);
});

it.each([
  [150, 1],
  [149, 0],
  [0, 0],
  [-300, 0],
])('with a budget of %i ms it asks each source %i times', async (budgetMs, times) => {
  const { views, consul, prometheus } = setUp();

  void views.open(budgetMs);

  expect([consul.calls.length, prometheus.calls.length]).toEqual([times, times]);
});

it('cold without Prometheus: places without samples, degraded', async () => {
  const { open } = setUp();
  const list = fleetOf(2);

  expect(await open(list, undefined)).toMatchObject({ list, load: { samples: new Map() }, degraded: ['prometheus'] });
});

it('warm without Prometheus: uses its last samples, degraded', async () => {
  const { open, time } = setUp();
  const load = loadReport({ '10.0.0.1': {} });
  await open(fleetOf(2), load);
  await time.pass(10_001);

  expect(await open(fleetOf(2), undefined)).toMatchObject({ list: fleetOf(2), load, degraded: ['prometheus'] });
});

it('forgets samples older than FLEET_STALE_MS', async () => {
  const { open, time } = setUp();
  await open(fleetOf(2), loadReport({ '10.0.0.1': {} }));
  await time.pass(300_001);

  expect(await open(fleetOf(2), undefined)).toMatchObject({ load: { samples: new Map() }, degraded: ['prometheus'] });
});

it('without Prometheus configured it is not degraded', async () => {
  const { open, log } = setUp({ metrics: false });

  expect(await open(fleetOf(2), undefined)).toMatchObject({ load: { samples: new Map() }, degraded: [] });
  expect(log.lines).toEqual([]);
});

it('warm without Consul: uses the last list, degraded, and does not read the saved one', async () => {
  const { open, time, savedList } = setUp({ saved: fleetOf(9) });
  await open(fleetOf(2), loadReport({ '10.0.0.1': {} }));
  await time.pass(10_001);

  const view = await open(undefined, loadReport({ '10.0.0.1': {} }));

  expect(view).toMatchObject({ list: fleetOf(2), degraded: ['consul'] });
  expect(savedList.reads).toEqual([]);
});

it('cold without Consul: uses the saved list, degraded', async () => {
  const { open, savedList } = setUp({ saved: fleetOf(9) });

  expect(await open(undefined, loadReport({ '10.0.0.1': {} }))).toMatchObject({
    list: fleetOf(9),
    degraded: ['consul'],
  });
  expect(savedList.reads).toEqual([150]);
});

it('cold without Consul: reads the saved list once, and waits for Consul no more than with a list of its own', async () => {
  const { open, time, views, consul, savedList } = setUp({ saved: fleetOf(9), metrics: false });
  await open(undefined, undefined);

  await time.pass(100);
  expect(await open(undefined, undefined)).toMatchObject({ list: fleetOf(9), degraded: ['consul'] });
  const opening = views.open(BUDGET_MS);
  expect(await isPending(opening)).toBe(false);
  await time.pass(300_001);
  const asked = consul.calls.length;
  const late = views.open(BUDGET_MS);
  consul.last().fail();
  await late;

  expect(consul.calls.length).toBe(asked + 1);
  expect(savedList.reads.length).toBe(2);
});

it('cold without Consul and with no saved list there is no view', async () => {
  const { open } = setUp();

  expect(await open(undefined, loadReport())).toBeUndefined();
});

it('reads the saved list in the time that waiting for Consul has left', async () => {
  const { time, views, savedList } = setUp();

  const opening = views.open(350);
  await time.pass(150);
  await opening;

  expect(savedList.reads).toEqual([350 - 130 - 150]);
});

it('names both sources when both fail', async () => {
  const { open, time } = setUp();
  await open(fleetOf(2), loadReport({ '10.0.0.1': {} }));
  await time.pass(10_001);

  expect((await open(undefined, undefined))?.degraded).toEqual(['consul', 'prometheus']);
});

it('keeps the last list while most of it is missing, until a second answer confirms that', async () => {
  const { open, time, log, savedList } = setUp({ metrics: false });
  await open(fleetOf(10), undefined);
  await time.pass(10_001);

  expect(await open(fleetOf(4), undefined)).toMatchObject({ list: fleetOf(10), degraded: ['consul'] });
  expect(log.lines).toMatchObject([{ level: 'warning', event: 'consul_list_doubted', fields: { had: 10, has: 4 } }]);
  expect(await open(undefined, undefined)).toMatchObject({ list: fleetOf(10), degraded: ['consul'] });
  await time.pass(10_001);

  expect(await open(fleetOf(4), undefined)).toMatchObject({ list: fleetOf(4), degraded: [] });
  expect(savedList.offered.map(({ instances }) => instances.length)).toEqual([10, 4]);
});

it('forgets its doubt when the list is whole again, and doubts the next loss anew', async () => {
  const { open, time } = setUp({ metrics: false });
  await open(fleetOf(10), undefined);
  await time.pass(10_001);
  await open(fleetList(), undefined);
  await time.pass(10_001);

  expect(await open(fleetOf(10), undefined)).toMatchObject({ list: fleetOf(10), degraded: [] });
  await time.pass(10_001);
  expect(await open(fleetList(), undefined)).toMatchObject({ list: fleetOf(10), degraded: ['consul'] });
});

it('believes an empty list from the start', async () => {
  const { open } = setUp({ metrics: false });

  expect(await open(fleetList(), undefined)).toMatchObject({ list: fleetList(), degraded: [] });
});

it('shows the labels of both sides when no metrics belong to any instance, once', async () => {
  const { open, time, log } = setUp();
  const strangers = loadReport({ 'a:8080': {}, 'b:8080': {} });

  await open(fleetOf(7), strangers);
  await open(fleetOf(7), strangers);
  await time.pass(10_001);
  await open(fleetOf(7), strangers);

  expect(log.lines).toMatchObject([
    {
      level: 'warning',
      event: 'metrics_match_no_instance',
      fields: { instances: '10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5', metrics: 'a:8080 b:8080' },
    },
  ]);
});

it('tells when there are no metrics at all, and says so again after they were there', async () => {
  const { open, time, log } = setUp();

  for (const load of [loadReport(), loadReport({ '10.0.0.1': {} }), loadReport()]) {
    await open(fleetOf(2), load);
    await time.pass(10_001);
  }

  expect(log.lines).toMatchObject([{ fields: { metrics: 'none' } }, { fields: { metrics: 'none' } }]);
});

it.each([
  ['Prometheus fails', fleetOf(2), undefined],
  ['the fleet is empty', fleetList(), loadReport({ a: {} })],
])('does not call metrics strange while %s', async (_case, list, load) => {
  const { open, log } = setUp();

  await open(list, load);

  expect(log.events()).not.toContain('metrics_match_no_instance');
});

it('does not hold old samples against instances that came while Prometheus fails', async () => {
  const { open, time, log } = setUp();

  await open(fleetList('10.0.0.1'), loadReport({ '10.0.0.1': {} }));
  for (let refresh = 0; refresh < 2; refresh += 1) {
    await time.pass(10_001);
    await open(fleetList('10.0.0.2'), undefined);
  }

  expect(log.events()).not.toContain('metrics_match_no_instance');
});

it('releases refreshes beside and what they save, within one time', async () => {
  const { time, views, open, consul, savedList } = setUp();
  await open(fleetOf(2), loadReport({ '10.0.0.1': {} }));
  await time.pass(3000);
  savedList.released.length = 0;

  const opened = await views.open(BUDGET_MS);
  const released = opened.release(50);
  await time.pass(49);
  expect(await isPending(released)).toBe(true);
  await time.pass(1);
  await released;

  expect(consul.last().signal.aborted).toBe(true);
  expect(savedList.released).toEqual([0]);
});

it('with no wait given it aborts refreshes beside at once', async () => {
  const { time, views, open, consul, prometheus } = setUp();
  await open(fleetOf(2), loadReport({ '10.0.0.1': {} }));
  await time.pass(3000);

  const released = (await views.open(BUDGET_MS)).release(0);
  await time.pass(1);
  await released;

  expect([consul.last().signal.aborted, prometheus.last().signal.aborted]).toEqual([true, true]);
});

it('an instance that fails is seen by steady traffic 2 s later, from a source too slow for a refresh beside', async () => {
  const { time, views, open, consul } = setUp({ metrics: false });
  await open(fleetOf(2), undefined);
  const sick = fleetList('10.0.0.1');
  let seenAtMs = 0;

  for (let ms = 0; seenAtMs === 0 && ms < 10_000; ms += 200) {
    const asked = consul.calls.length;
    const opening = views.open(BUDGET_MS);
    if (consul.calls.length > asked) {
      const call = consul.last();
      setTimeout(() => call.answer(sick), 80);
    }
    await time.pass(100);
    const { view, release } = await opening;
    const released = release(50);
    await time.pass(100);
    await released;
    if (view?.list.instances.length === 1) seenAtMs = ms;
  }

  expect(seenAtMs).toBeLessThanOrEqual(2600);
  expect(seenAtMs).toBeGreaterThan(0);
});

it('says when Consul was asked for the list, and not when it answered', async () => {
  const { time, views, consul } = setUp({ metrics: false });

  const opening = views.open(BUDGET_MS);
  await time.pass(70);
  consul.last().answer(fleetOf(1));
  expect((await opening).view?.absence).toEqual({ askedAtMs: NOW_MS, gone: [] });
  await time.pass(9000);
  const beside = await views.open(BUDGET_MS);

  const released = beside.release(0);
  await time.pass(1);
  await released;

  expect(beside.view?.absence?.askedAtMs).toBe(NOW_MS);
});

it('calls gone who fails its checks, and who was listed and is not any more, until it is listed again', async () => {
  const { open, time } = setUp({ metrics: false });
  const goneIn = async (list: FleetList) => {
    await time.pass(10_001);
    return (await open(list, undefined))?.absence?.gone;
  };
  const sick = instance('10.0.0.1', { status: 'gone' });
  const drained = instance('10.0.0.2', { status: 'listed' });

  expect(await goneIn(fleetList(sick, drained, '10.0.0.3', '10.0.0.4'))).toEqual(['10.0.0.1']);
  expect(await goneIn(fleetList(sick, drained, '10.0.0.3'))).toEqual(['10.0.0.1', '10.0.0.4']);
  expect(await goneIn(fleetList(sick, drained, '10.0.0.3'))).toEqual(['10.0.0.1', '10.0.0.4']);
  expect(await goneIn(fleetList('10.0.0.3', '10.0.0.1'))).toEqual(['10.0.0.4', '10.0.0.2']);
  expect(await goneIn(fleetList('10.0.0.3', '10.0.0.4', sick))).toEqual(['10.0.0.1', '10.0.0.2']);
});

it('says nothing of who is gone while Consul fails, and is not without it when Prometheus does', async () => {
  const { open, time } = setUp({ saved: fleetOf(3) });
  const load = loadReport({ '10.0.0.1': {} });

  expect(await open(undefined, load)).not.toHaveProperty('absence');
  await time.pass(10_001);
  expect(await open(fleetOf(2), undefined)).toHaveProperty('absence');
  await time.pass(10_001);
  expect(await open(undefined, load)).not.toHaveProperty('absence');
});

it('calls nobody gone for a list that it doubts, and does for the one that confirms it', async () => {
  const { open, time } = setUp({ metrics: false });
  await open(fleetOf(3), undefined);
  await time.pass(10_001);

  expect(await open(fleetOf(1), undefined)).not.toHaveProperty('absence');
  await time.pass(10_001);
  const confirmed = await open(fleetOf(1), undefined);

  expect(confirmed?.absence).toEqual({ askedAtMs: NOW_MS + 2 * 10_001, gone: ['10.0.0.2', '10.0.0.3'] });
});

it('calls gone who was noted absent, for an hour or until it is listed', async () => {
  const { views, open, time } = setUp({ metrics: false });
  await open(fleetOf(1), undefined);

  views.noteAbsent('10.9.9.9');
  views.noteAbsent('10.0.0.1'); // a newer list has it
  views.noteAbsent('10.0.0.2');

  expect((await open(fleetOf(1), undefined))?.absence?.gone).toEqual(['10.9.9.9', '10.0.0.2']);
  await time.pass(10_001);
  expect((await open(fleetOf(2), undefined))?.absence?.gone).toEqual(['10.9.9.9']);
  await time.pass(3_600_000);
  expect((await open(fleetOf(2), undefined))?.absence?.gone).toEqual([]);
});

it('tells how its sources stand, and how old is what is used of them', async () => {
  const { time, views, open } = setUp();
  await open(fleetOf(2), loadReport());
  await time.pass(1500);

  expect((await views.open(BUDGET_MS)).sources).toEqual({
    consul: { state: 'ok', ageMs: 1500 },
    prometheus: { state: 'ok', ageMs: 1500 },
  });

  await time.pass(2000);
  await open(fleetOf(2), undefined);
  const { sources } = await views.open(BUDGET_MS, true);
  expect(sources).toEqual({
    consul: { state: 'ok', ageMs: 0 },
    prometheus: { state: 'degraded', ageMs: 3500 },
  });
});

it('tells of a source that is not there, and of nothing that is used of it', async () => {
  const { views, consul } = setUp({ metrics: false });

  const opening = views.open(BUDGET_MS);
  consul.last().fail();

  expect(await opening).toMatchObject({
    view: undefined,
    sources: { consul: { state: 'degraded' }, prometheus: { state: 'off' } },
  });
});

it('tells the age of the saved list', async () => {
  const { time, views, consul } = setUp({ saved: fleetOf(9) });
  await time.pass(5000);

  const opening = views.open(BUDGET_MS);
  consul.last().fail();
  await time.pass(BUDGET_MS);

  expect((await opening).sources.consul).toEqual({
    state: 'degraded',
    ageMs: expect.toSatisfy((ms: number) => ms >= 5000 && ms <= 5000 + BUDGET_MS),
  });
});

it('waits for the newest where that is wanted, and tells of a source that hangs', async () => {
  const { time, views, open, prometheus, consul } = setUp();
  await open(fleetOf(2), loadReport());
  await time.pass(2001);

  const opening = views.open(BUDGET_MS, true);
  consul.last().answer(fleetOf(3));
  await time.pass(149);
  expect(await isPending(opening)).toBe(true);
  await time.pass(1);

  const { view, sources } = await opening;
  expect(prometheus.calls).toHaveLength(2);
  expect(view?.list).toEqual(fleetOf(3));
  expect(sources).toEqual({
    consul: { state: 'ok', ageMs: 150 },
    prometheus: { state: 'degraded', ageMs: 2151 },
  });
});
