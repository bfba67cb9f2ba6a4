import { expect, it } from 'vitest';
import { createAssignGames } from '../../lib/app/assign-games.ts';
import type { FleetViews } from '../../lib/app/fleet-views.ts';
import type { PlacementRequest, PlacementResult } from '../../lib/app/placement.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import type { FleetView } from '../../lib/domain/fleet.ts';
import {
  type FakePlacement,
  fakeLog,
  fakePlacement,
  fakeTime,
  fleetList,
  fleetOf,
  instance,
  isPending,
  loadReport,
  NOW_MS,
} from '../support/fakes.ts';

const VIEW: FleetView = { list: fleetOf(2), load: loadReport(), degraded: [] };

interface SetUp {
  readonly view?: FleetView | undefined;
  readonly placement?: FakePlacement;
  /** How long opening the view takes, ms. */
  readonly openMs?: number;
}

function setUp({ view, placement = fakePlacement(), openMs = 0, ...rest }: SetUp = {}) {
  const time = fakeTime();
  const log = fakeLog();
  const budgets: number[] = [];
  const released: number[] = [];
  const views: FleetViews = {
    async open(budgetMs) {
      budgets.push(budgetMs);
      time.setClock(Date.now() + openMs);
      return {
        view: 'view' in rest || view !== undefined ? view : undefined,
        release: async (waitMs) => void released.push(waitMs),
      };
    },
  };
  const assign = createAssignGames({ views, placement, clock: Date.now, random: () => 0.5, log });
  const assignGames = (requests: readonly PlacementRequest[], signal = new AbortController().signal) =>
    assign(requests, signal);
  return { time, log, budgets, released, placement, assignGames };
}

function request(overrides: Partial<PlacementRequest> = {}): PlacementRequest {
  return { gameId: 'g', level: 'low', attempt: 'a', deadlineMs: NOW_MS + 435, ...overrides };
}

const answering = (...results: PlacementResult[]) => fakePlacement(() => results);

it('answers where a game was placed, with the port that the view knows', async () => {
  const { assignGames } = setUp({ view: VIEW });

  expect(await assignGames([request()])).toEqual([
    { kind: 'assigned', instanceId: '10.0.0.1', port: 5002, replayed: false, degraded: [] },
  ]);
});

it.each<[PlacementResult, object]>([
  [
    { kind: 'placed', instanceId: '10.0.0.2' },
    { kind: 'assigned', instanceId: '10.0.0.2', replayed: false },
  ],
  [
    { kind: 'recorded', instanceId: '10.0.0.2', sameAttempt: false },
    { kind: 'assigned', instanceId: '10.0.0.2', replayed: true },
  ],
  [
    { kind: 'recorded', instanceId: '10.0.0.2', sameAttempt: true },
    { kind: 'assigned', instanceId: '10.0.0.2', replayed: false },
  ],
  [{ kind: 'foreign_record' }, { kind: 'conflict' }],
  [{ kind: 'no_candidate' }, { kind: 'no_instance' }],
  [{ kind: 'late' }, { kind: 'deadline_exceeded' }],
])('%o becomes %o', async (result, assignment) => {
  const { assignGames } = setUp({ view: VIEW, placement: answering(result) });

  expect(await assignGames([request()])).toMatchObject([assignment]);
});

it('keeps the order of the requests', async () => {
  const results = [
    { kind: 'late' },
    { kind: 'placed', instanceId: '10.0.0.2' },
    { kind: 'foreign_record' },
  ] satisfies PlacementResult[];
  const { assignGames } = setUp({ view: VIEW, placement: answering(...results) });

  const assignments = await assignGames([request(), request(), request()]);

  expect(assignments.map(({ kind }) => kind)).toEqual(['deadline_exceeded', 'assigned', 'conflict']);
});

it('without a view still answers recorded games, with no port', async () => {
  const recorded = { kind: 'recorded', instanceId: '10.0.0.9', sameAttempt: false } as const;
  const { assignGames, placement } = setUp({ placement: answering(recorded, { kind: 'no_candidate' }) });

  expect(await assignGames([request(), request()])).toEqual([
    { kind: 'assigned', instanceId: '10.0.0.9', port: undefined, replayed: true, degraded: ['consul'] },
    { kind: 'upstream_unavailable' },
  ]);
  expect(placement.calls[0]?.call).toMatchObject({ candidates: [], newestSampleS: undefined });
});

it('a recorded instance that the view does not have any more is answered without a port', async () => {
  const placement = answering({ kind: 'recorded', instanceId: '10.0.0.99', sameAttempt: false });
  const { assignGames } = setUp({ view: VIEW, placement });

  expect(await assignGames([request()])).toMatchObject([{ instanceId: '10.0.0.99', port: undefined }]);
});

it('names the degraded sources of its view', async () => {
  const { assignGames } = setUp({ view: { ...VIEW, degraded: ['consul', 'prometheus'] } });

  expect(await assignGames([request()])).toMatchObject([{ degraded: ['consul', 'prometheus'] }]);
});

it('passes only eligible instances, each with its own sample', async () => {
  const list = fleetList(
    instance('10.0.0.1', { status: 'gone' }),
    instance('10.0.0.2', { status: 'listed' }),
    '10.0.0.3',
    '10.0.0.30',
  );
  const load = loadReport({ '10.0.0.1': { atS: 50 }, '10.0.0.3': { atS: 40 } });
  const { assignGames, placement } = setUp({ view: { list, load, degraded: [] } });

  await assignGames([request()]);

  expect(placement.calls[0]?.call.candidates).toEqual([
    { instance: list.instances[2], sample: load.samples.get('10.0.0.3') },
    { instance: list.instances[3], sample: undefined },
  ]);
});

it('tells the newest sample time of the whole report, also when it passes only some candidates', async () => {
  const list = fleetOf(200);
  const ids = list.instances.map(({ id }) => id);
  const load = loadReport(Object.fromEntries(ids.map((id, index) => [id, { atS: 1000 + index }])));
  const { assignGames, placement } = setUp({ view: { list, load, degraded: [] } });

  await assignGames([request()]);
  await assignGames([request()]);

  const calls = placement.calls.map(({ call }) => call);
  expect(calls.map(({ candidates }) => candidates.length)).toEqual([32, 32]);
  expect(calls.map(({ newestSampleS }) => newestSampleS)).toEqual([1199, 1199]);
  expect(new Set(calls.flatMap(({ candidates }) => candidates.map((c) => c.instance.id))).size).toBe(64);
});

it('opens the view with what the latest deadline leaves, and gives the placement call what is left then', async () => {
  let limitMs: number | undefined;
  const placement = fakePlacement(() => new Promise(() => {}));
  const { assignGames, budgets, time } = setUp({ view: VIEW, placement, openMs: 100 });

  void assignGames([request({ deadlineMs: NOW_MS + 200 }), request({ deadlineMs: NOW_MS + 435 })]);
  await time.pass(0);
  placement.calls[0]?.signal.addEventListener('abort', () => {
    limitMs = Date.now() - NOW_MS;
  });
  await time.pass(1000);

  expect(budgets).toEqual([435]);
  expect(limitMs).toBe(435);
});

it('gives the placement call no more than the deadline leaves', async () => {
  const placement = fakePlacement(() => new Promise(() => {}));
  const { assignGames, time } = setUp({ view: VIEW, placement, openMs: 400 });

  void assignGames([request()]);
  await time.pass(34);
  expect(placement.calls[0]?.signal.aborted).toBe(false);
  await time.pass(1);

  expect(placement.calls[0]?.signal.aborted).toBe(true);
});

it('places nothing for a request whose own deadline has passed, though its neighbour has time', async () => {
  const { assignGames, placement } = setUp({ view: VIEW, openMs: 200 });

  const results = await assignGames([request({ gameId: 'late', deadlineMs: NOW_MS + 200 }), request()]);

  expect(results).toMatchObject([{ kind: 'deadline_exceeded' }, { kind: 'assigned' }]);
  expect(placement.calls[0]?.call.requests.map(({ gameId }) => gameId)).toEqual(['g']);
});

it('stops the placement call when nobody waits any more', async () => {
  const placement = fakePlacement(() => new Promise(() => {}));
  const { assignGames, time } = setUp({ view: VIEW, placement });
  const caller = new AbortController();

  void assignGames([request()], caller.signal);
  await time.pass(0);
  caller.abort();

  expect(placement.calls[0]?.signal.aborted).toBe(true);
});

it.each([435, 1000])('asks nothing of Redis when the view took %d of 435.5 ms', async (openMs) => {
  const { assignGames, placement, released } = setUp({ view: VIEW, openMs });

  expect(await assignGames([request({ deadlineMs: NOW_MS + 435.5 }), request()])).toEqual([
    { kind: 'deadline_exceeded' },
    { kind: 'deadline_exceeded' },
  ]);
  expect(placement.calls).toEqual([]);
  expect(released.length).toBe(1);
});

it.each([
  [new UpstreamError('redis', 'connect'), 'upstream_unavailable'],
  [new UpstreamError('redis', 'error_reply'), 'upstream_unavailable'],
  [new UpstreamError('redis', 'refused'), 'upstream_unavailable'],
  [new UpstreamError('redis', 'timeout'), 'deadline_exceeded'],
  [new UpstreamError('redis', 'reset'), 'deadline_exceeded'],
  [new UpstreamError('redis', 'invalid_body', { outcome: 'unknown' }), 'deadline_exceeded'],
  [new TypeError('a bug'), 'deadline_exceeded'],
])('%s becomes %s for every request, and is logged', async (error, kind) => {
  const placement = fakePlacement(() => Promise.reject(error));
  const { assignGames, log, released } = setUp({ view: VIEW, placement });

  expect(await assignGames([request(), request()])).toEqual([{ kind }, { kind }]);
  expect(log.lines).toMatchObject([
    { level: 'warning', event: 'placement_failed', fields: { requests: 2, outcome: kind }, error },
  ]);
  expect(released.length).toBe(1);
});

it.each([
  [0, 50],
  [400, 35],
  [600, 0],
])('releases the view with at most 50 ms and what the deadline leaves: after %i ms, %i', async (openMs, waitMs) => {
  const { assignGames, released } = setUp({ view: VIEW, openMs });

  await assignGames([request()]);

  expect(released).toEqual([waitMs]);
});

it('answers only after the release', async () => {
  const time = fakeTime();
  const views: FleetViews = {
    open: () =>
      Promise.resolve({ view: VIEW, release: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)) }),
  };
  const options = { views, placement: fakePlacement(), clock: Date.now, random: () => 0.5, log: fakeLog() };

  const assigning = createAssignGames(options)([request()], new AbortController().signal);
  await time.pass(49);
  expect(await isPending(assigning)).toBe(true);
  await time.pass(1);

  expect(await isPending(assigning)).toBe(false);
});
