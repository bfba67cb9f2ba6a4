import { expect, it } from 'vitest';
import type { FleetViews } from '../../lib/app/fleet-views.ts';
import type { GameRequest, PlacementCall, PlacementResult } from '../../lib/app/placement.ts';
import { createServeRequests } from '../../lib/app/serve-requests.ts';
import type { AssignRequest, ServiceRequest } from '../../lib/app/service-requests.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import type { FleetView } from '../../lib/domain/fleet.ts';
import { toSelector } from '../../lib/domain/selector.ts';
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
  noInsight,
  openView,
} from '../support/fakes.ts';

const VIEW: FleetView = { list: fleetOf(2), load: loadReport(), degraded: [] };

interface SetUp {
  readonly view?: FleetView | undefined;
  readonly placement?: FakePlacement;
  /** How long opening the view takes, ms. */
  readonly openMs?: number;
  readonly reassigns?: boolean;
}

function setUp({ view, placement = fakePlacement(), openMs = 0, reassigns = true }: SetUp = {}) {
  const time = fakeTime();
  const log = fakeLog();
  const budgets: number[] = [];
  const released: number[] = [];
  const absent: string[] = [];
  const views: FleetViews = {
    async open(budgetMs) {
      budgets.push(budgetMs);
      time.setClock(Date.now() + openMs);
      return openView(view, async (waitMs) => void released.push(waitMs));
    },
    noteAbsent: (id) => void absent.push(id),
  };
  const common = { clock: Date.now, random: () => 0.5, log, reassigns, insight: noInsight };
  const serveRequests = createServeRequests({ ...common, views, placement });
  const serve = (requests: readonly ServiceRequest[], signal = new AbortController().signal) =>
    serveRequests(requests, signal);
  return { time, log, budgets, released, absent, placement, serve };
}

function request(overrides: Partial<AssignRequest> = {}): AssignRequest {
  return { op: 'assign', gameId: 'g', level: 'low', attempt: 'a', deadlineMs: NOW_MS + 435, ...overrides };
}

function placed(instanceId: string, { reassigned = false } = {}): PlacementResult {
  return { kind: 'placed', instanceId, reassigned };
}

function recorded(instanceId: string, { sameAttempt = false, reassigned = false } = {}): PlacementResult {
  return { kind: 'recorded', instanceId, sameAttempt, reassigned };
}

type CallRequest = PlacementCall['requests'][number];

const gameOf = (request: CallRequest) => (request.op === 'choose' ? undefined : request.gameId);
const givenTiers = (request?: CallRequest) => (request?.op === 'assign' ? request.tiers : undefined);

const answering = (...results: PlacementResult[]) => fakePlacement(() => results);

it('answers where a game was placed, with the port that the view knows', async () => {
  const { serve } = setUp({ view: VIEW });

  expect(await serve([request()])).toEqual([
    { kind: 'assigned', instanceId: '10.0.0.1', port: 5002, replayed: false, reassigned: false, degraded: [] },
  ]);
});

it.each<[PlacementResult, object]>([
  [placed('10.0.0.2'), { kind: 'assigned', instanceId: '10.0.0.2', replayed: false }],
  [recorded('10.0.0.2'), { kind: 'assigned', instanceId: '10.0.0.2', replayed: true }],
  [recorded('10.0.0.2', { sameAttempt: true }), { kind: 'assigned', instanceId: '10.0.0.2', replayed: false }],
  [
    placed('10.0.0.2', { reassigned: true }),
    { kind: 'assigned', instanceId: '10.0.0.2', replayed: false, reassigned: true },
  ],
  [
    recorded('10.0.0.2', { reassigned: true }),
    { kind: 'assigned', instanceId: '10.0.0.2', replayed: true, reassigned: true },
  ],
  [{ kind: 'foreign_record' }, { kind: 'conflict' }],
  [{ kind: 'no_candidate' }, { kind: 'no_instance' }],
  [{ kind: 'no_capacity' }, { kind: 'no_capacity' }],
  [{ kind: 'late' }, { kind: 'deadline_exceeded' }],
])('%o becomes %o', async (result, assignment) => {
  const { serve } = setUp({ view: VIEW, placement: answering(result) });

  expect(await serve([request()])).toMatchObject([assignment]);
});

it('keeps the order of the requests', async () => {
  const results = [{ kind: 'late' }, placed('10.0.0.2'), { kind: 'foreign_record' }] satisfies PlacementResult[];
  const { serve } = setUp({ view: VIEW, placement: answering(...results) });

  const assignments = await serve([request(), request(), request()]);

  expect(assignments.map(({ kind }) => kind)).toEqual(['deadline_exceeded', 'assigned', 'conflict']);
});

it('without a view still answers recorded games, with no port', async () => {
  const { serve, placement } = setUp({ placement: answering(recorded('10.0.0.9'), { kind: 'no_candidate' }) });

  expect(await serve([request(), request()])).toEqual([
    {
      kind: 'assigned',
      instanceId: '10.0.0.9',
      port: undefined,
      replayed: true,
      reassigned: false,
      degraded: ['consul'],
    },
    { kind: 'upstream_unavailable' },
  ]);
  expect(placement.calls[0]?.call).toMatchObject({ candidates: [], newestSampleS: undefined });
});

it('a recorded instance that the view does not have any more is answered without a port', async () => {
  const placement = answering(recorded('10.0.0.99'));
  const { serve } = setUp({ view: VIEW, placement });

  expect(await serve([request()])).toMatchObject([{ instanceId: '10.0.0.99', port: undefined }]);
});

it('names the degraded sources of its view', async () => {
  const { serve } = setUp({ view: { ...VIEW, degraded: ['consul', 'prometheus'] } });

  expect(await serve([request()])).toMatchObject([{ degraded: ['consul', 'prometheus'] }]);
});

it('passes only eligible instances, each with its own sample', async () => {
  const list = fleetList(
    instance('10.0.0.1', { status: 'gone' }),
    instance('10.0.0.2', { status: 'listed' }),
    '10.0.0.3',
    '10.0.0.30',
  );
  const load = loadReport({ '10.0.0.1': { atS: 50 }, '10.0.0.3': { atS: 40 } });
  const { serve, placement } = setUp({ view: { list, load, degraded: [] } });

  await serve([request()]);

  expect(placement.calls[0]?.call.candidates).toEqual([
    { instance: list.instances[2], sample: load.samples.get('10.0.0.3') },
    { instance: list.instances[3], sample: undefined },
  ]);
});

it('tells the newest sample time of the whole report, also when it passes only some candidates', async () => {
  const list = fleetOf(200);
  const ids = list.instances.map(({ id }) => id);
  const load = loadReport(Object.fromEntries(ids.map((id, index) => [id, { atS: 1000 + index }])));
  const { serve, placement } = setUp({ view: { list, load, degraded: [] } });

  await serve([request()]);
  await serve([request()]);

  const calls = placement.calls.map(({ call }) => call);
  expect(calls.map(({ candidates }) => candidates.length)).toEqual([32, 32]);
  expect(calls.map(({ newestSampleS }) => newestSampleS)).toEqual([1199, 1199]);
  expect(new Set(calls.flatMap(({ candidates }) => candidates.map((c) => c.instance.id))).size).toBe(64);
});

it('opens the view with what the latest deadline leaves, and gives the placement call what is left then', async () => {
  let limitMs: number | undefined;
  const placement = fakePlacement(() => new Promise(() => {}));
  const { serve, budgets, time } = setUp({ view: VIEW, placement, openMs: 100 });

  void serve([request({ deadlineMs: NOW_MS + 200 }), request({ deadlineMs: NOW_MS + 435 })]);
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
  const { serve, time } = setUp({ view: VIEW, placement, openMs: 400 });

  void serve([request()]);
  await time.pass(34);
  expect(placement.calls[0]?.signal.aborted).toBe(false);
  await time.pass(1);

  expect(placement.calls[0]?.signal.aborted).toBe(true);
});

it('places nothing for a request whose own deadline has passed, though its neighbour has time', async () => {
  const { serve, placement } = setUp({ view: VIEW, openMs: 200 });

  const results = await serve([request({ gameId: 'late', deadlineMs: NOW_MS + 200 }), request()]);

  expect(results).toMatchObject([{ kind: 'deadline_exceeded' }, { kind: 'assigned' }]);
  expect(placement.calls[0]?.call.requests.map(gameOf)).toEqual(['g']);
});

it('stops the placement call when nobody waits any more', async () => {
  const placement = fakePlacement(() => new Promise(() => {}));
  const { serve, time } = setUp({ view: VIEW, placement });
  const caller = new AbortController();

  void serve([request()], caller.signal);
  await time.pass(0);
  caller.abort();

  expect(placement.calls[0]?.signal.aborted).toBe(true);
});

it.each([435, 1000])('asks nothing of Redis when the view took %d of 435.5 ms', async (openMs) => {
  const { serve, placement, released } = setUp({ view: VIEW, openMs });

  expect(await serve([request({ deadlineMs: NOW_MS + 435.5 }), request()])).toEqual([
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
  const { serve, log, released } = setUp({ view: VIEW, placement });

  expect(await serve([request(), request()])).toEqual([{ kind }, { kind }]);
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
  const { serve, released } = setUp({ view: VIEW, openMs });

  await serve([request()]);

  expect(released).toEqual([waitMs]);
});

it('answers only after the release', async () => {
  const time = fakeTime();
  const views: FleetViews = {
    open: () => Promise.resolve(openView(VIEW, (ms) => new Promise((resolve) => void setTimeout(resolve, ms)))),
    noteAbsent: () => {},
  };
  const common = { clock: Date.now, random: () => 0.5, log: fakeLog(), reassigns: true, insight: noInsight };
  const options = { views, placement: fakePlacement(), ...common };

  const assigning = createServeRequests(options)([request()], new AbortController().signal);
  await time.pass(49);
  expect(await isPending(assigning)).toBe(true);
  await time.pass(1);

  expect(await isPending(assigning)).toBe(false);
});

/** Instances 10.0.0.1 to `count`; those of `gpus` have the tag gpu. */
function fleetWithGpus(count: number, ...gpus: readonly number[]): FleetView {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const list = fleetList(
    ...ids.map((id) => instance(`10.0.0.${id}`, { tags: gpus.includes(id) ? ['gpu'] : [], meta: { region: 'eu' } })),
  );
  return { list, load: loadReport({ '10.0.0.2': {} }), degraded: [] };
}

const GPU = toSelector({ gpu: true })!;
const MOON = toSelector({ region: 'moon' })!;

/** What a request of a call may have, by id, group by group. */
function tiersOf({ candidates, requests }: PlacementCall, index = 0) {
  return givenTiers(requests[index])?.map((tier) => tier.map((position) => candidates[position]?.instance.id));
}

it('passes requests without selectors as they are, with no tiers', async () => {
  const { serve, placement } = setUp({ view: fleetWithGpus(3) });
  const plain = request({ strategy: 'pack', expected: { cpuCores: 2, exact: true } });

  await serve([plain]);

  expect(placement.calls[0]?.call.requests[0]).toBe(plain);
});

it('passes for each request what it may have and prefers, and not the selectors', async () => {
  const { serve, placement } = setUp({ view: fleetWithGpus(4, 2, 3) });

  await serve([
    request({ gameId: 'a', require: GPU, expected: { memoryBytes: 1e9, exact: false } }),
    request({ gameId: 'b', prefer: GPU }),
    request({ gameId: 'c' }),
  ]);

  const [{ call } = {}] = placement.calls;
  expect(call?.candidates[0]).toMatchObject({ instance: { id: '10.0.0.2' }, sample: { cpuCores: 1 } });
  expect([0, 1, 2].map((index) => tiersOf(call!, index))).toEqual([
    [['10.0.0.2', '10.0.0.3']],
    [
      ['10.0.0.2', '10.0.0.3'],
      ['10.0.0.1', '10.0.0.4'],
    ],
    undefined,
  ]);
  expect(call?.requests).toEqual([
    { ...request({ gameId: 'a', expected: { memoryBytes: 1e9, exact: false } }), tiers: expect.anything() },
    { ...request({ gameId: 'b' }), tiers: expect.anything() },
    request({ gameId: 'c' }),
  ]);
});

it('asks about a game that no instance can have too, since it may be recorded', async () => {
  const placement = answering({ kind: 'no_candidate' }, recorded('10.0.0.2'), { kind: 'no_candidate' });
  const { serve } = setUp({ view: fleetWithGpus(2), placement });

  const assignments = await serve([
    request({ require: MOON }),
    request({ gameId: 'recorded', require: MOON }),
    request({ gameId: 'another' }),
  ]);

  expect(assignments).toMatchObject([
    { kind: 'no_match' },
    { kind: 'assigned', instanceId: '10.0.0.2' },
    { kind: 'no_instance' },
  ]);
  expect(placement.calls[0]?.call.requests.map(givenTiers)).toEqual([[], [], undefined]);
});

it.each<[string, FleetView | undefined, string]>([
  ['nobody takes games', { ...VIEW, list: fleetList(instance('10.0.0.1', { status: 'listed' })) }, 'no_instance'],
  ['nobody knows who is there', undefined, 'upstream_unavailable'],
])('does not blame what is required where %s', async (_case, view, kind) => {
  const { serve } = setUp({ view, placement: answering({ kind: 'no_candidate' }) });

  expect(await serve([request({ require: MOON })])).toEqual([{ kind }]);
});

/** Answers that every candidate is full, until a call looks at the whole of `fleet`. */
const fullBut = (fleet: number, chosen: string) =>
  fakePlacement(({ candidates, requests }) =>
    requests.map(() => (candidates.length < fleet ? { kind: 'no_capacity' } : placed(chosen))),
  );

it('asks once more with all where some of a large fleet are full, for the refused alone', async () => {
  const placement = fakePlacement(({ candidates, requests }) =>
    requests.map((asked) =>
      gameOf(asked) === 'full' && candidates.length < 200 ? { kind: 'no_capacity' } : placed('10.0.0.7'),
    ),
  );
  const { serve } = setUp({ view: fleetWithGpus(200), placement });

  const assignments = await serve([request(), request({ gameId: 'full' }), request()]);

  expect(assignments.map(({ kind }) => kind)).toEqual(['assigned', 'assigned', 'assigned']);
  expect(placement.calls.map(({ call }) => [call.candidates.length, call.requests.length])).toEqual([
    [32, 3],
    [200, 1],
  ]);
});

it('asks once more for who requires or prefers something, with all that it may have', async () => {
  const gpus = Array.from({ length: 100 }, (_, index) => index + 1);
  const placement = answering({ kind: 'no_capacity' }, { kind: 'no_capacity' });
  const { serve } = setUp({ view: fleetWithGpus(300, ...gpus), placement });

  await serve([request({ require: GPU }), request({ prefer: GPU })]);

  const calls = placement.calls.map(({ call }) => [0, 1].map((index) => tiersOf(call, index)?.map((t) => t.length)));
  expect(calls).toEqual([
    [[32], [32, 32]],
    [[100], [100, 200]],
  ]);
});

it('is refused for good by all: a small fleet at once, a large one the second time', async () => {
  const small = setUp({ view: fleetWithGpus(64), placement: answering({ kind: 'no_capacity' }) });
  expect(await small.serve([request()])).toEqual([{ kind: 'no_capacity' }]);
  expect(small.placement.calls.length).toBe(1);

  const large = setUp({ view: fleetWithGpus(65), placement: answering({ kind: 'no_capacity' }) });
  expect(await large.serve([request()])).toEqual([{ kind: 'no_capacity' }]);
  expect(large.placement.calls.length).toBe(2);
});

it('does not ask again where all that a request may have were looked at', async () => {
  const placement = answering({ kind: 'no_capacity' });
  const { serve } = setUp({ view: fleetWithGpus(300, 1, 2), placement });

  await serve([request({ require: GPU })]);

  expect(placement.calls.length).toBe(1);
});

it.each([
  [50, ['assigned', 'assigned'], 2],
  [49, ['no_capacity', 'assigned'], 2],
])('asks again for a request that has %i ms left: %j', async (leftMs, kinds, calls) => {
  const { serve, placement } = setUp({ view: fleetWithGpus(200), placement: fullBut(200, '10.0.0.7') });

  const assignments = await serve([request({ deadlineMs: NOW_MS + leftMs }), request()]);

  expect(assignments.map(({ kind }) => kind)).toEqual(kinds);
  expect(placement.calls.length).toBe(calls);
});

it.each([
  [new UpstreamError('redis', 'connect'), 'no_capacity'],
  [new UpstreamError('redis', 'timeout'), 'deadline_exceeded'],
])('a refusal stands when asking again surely did nothing, and not otherwise: %s', async (error, kind) => {
  const placement: FakePlacement = fakePlacement(() =>
    placement.calls.length === 1 ? [{ kind: 'no_capacity' }, placed('10.0.0.1')] : Promise.reject(error),
  );
  const { serve, log } = setUp({ view: fleetWithGpus(200), placement });

  expect(await serve([request(), request({ gameId: 'other' })])).toMatchObject([{ kind }, { kind: 'assigned' }]);
  expect(log.events()).toEqual(['placement_failed']);
});

/** A view in which 10.0.0.1 is well, 10.0.0.2 fails and 10.0.0.3 is absent. */
const SICK: FleetView = {
  list: fleetList('10.0.0.1', instance('10.0.0.2', { status: 'gone' })),
  load: loadReport(),
  degraded: [],
  absence: { askedAtMs: NOW_MS - 5000, gone: ['10.0.0.2', '10.0.0.3'] },
};
const WELL: FleetView = { ...SICK, list: fleetOf(3), absence: { askedAtMs: NOW_MS - 100, gone: [] } };

it('tells the placement who is gone', async () => {
  const { serve, placement } = setUp({ view: SICK });

  await serve([request()]);

  expect(placement.calls.map(({ call }) => call.presence)).toEqual([
    { atMs: NOW_MS - 5000, gone: ['10.0.0.2', '10.0.0.3'], back: [] },
  ]);
});

it.each<[string, SetUp]>([
  ['the view is degraded', { view: { ...VIEW, degraded: ['consul'] } }],
  ['there is no view', { view: undefined }],
  ['nobody is gone', { view: WELL }],
  ['games are not to be moved', { view: SICK, reassigns: false }],
])('tells nothing of who is gone where %s', async (_case, options) => {
  const { serve, placement } = setUp(options);

  await serve([request()]);

  expect(placement.calls.map(({ call }) => Object.hasOwn(call, 'presence'))).toEqual([false]);
});

it('tells who of the marked ones is back, as the last answer has them', async () => {
  const marked = [['10.0.0.1', '10.0.0.2', '10.9.9.9'], ['10.9.9.9'], []];
  const placement = fakePlacement(() => ({ results: [placed('10.0.0.1')], marked: marked.shift() ?? [] }));
  const { serve } = setUp({ view: WELL, placement });

  for (let i = 0; i < 3; i += 1) await serve([request()]);

  expect(placement.calls.map(({ call }) => call.presence)).toEqual([
    undefined,
    { atMs: NOW_MS - 100, gone: [], back: ['10.0.0.1', '10.0.0.2'] },
    undefined,
  ]);
});

it('asks once more about a game whose instance nobody listed, with that one among the gone', async () => {
  const placement: FakePlacement = fakePlacement(({ requests }) =>
    requests.map((asked) => {
      if (gameOf(asked) !== 'lost') return recorded('10.0.0.1');
      return placement.calls.length === 1 ? recorded('10.9.9.9') : placed('10.0.0.1', { reassigned: true });
    }),
  );
  const { serve, absent } = setUp({ view: SICK, placement });

  const assignments = await serve([request(), request({ gameId: 'lost' })]);

  expect(assignments).toMatchObject([
    { instanceId: '10.0.0.1', replayed: true, reassigned: false },
    { instanceId: '10.0.0.1', replayed: false, reassigned: true },
  ]);
  expect(absent).toEqual(['10.9.9.9']);
  expect(placement.calls[1]?.call).toMatchObject({
    requests: [{ gameId: 'lost' }],
    candidates: [{ instance: { id: '10.0.0.1' } }],
    presence: { gone: ['10.9.9.9', '10.0.0.2', '10.0.0.3'] },
  });
  expect(placement.calls.length).toBe(2);
});

it('asks no third time: the second answer stands', async () => {
  const { serve, placement } = setUp({ view: SICK, placement: answering(recorded('10.9.9.9')) });

  expect(await serve([request()])).toMatchObject([{ kind: 'assigned', instanceId: '10.9.9.9', replayed: true }]);
  expect(placement.calls.length).toBe(2);
});

it.each<[string, SetUp, string]>([
  ['is well', { view: SICK }, '10.0.0.1'],
  ['was reported gone already', { view: SICK }, '10.0.0.2'],
  ['was reported absent already', { view: SICK }, '10.0.0.3'],
  ['is draining', { view: { ...SICK, list: fleetList(instance('10.0.0.7', { status: 'listed' })) } }, '10.0.0.7'],
  ['is unknown to a degraded view', { view: { ...VIEW, degraded: ['consul'] } }, '10.9.9.9'],
  ['is unknown without a view', { view: undefined }, '10.9.9.9'],
  ['is unknown, and games are not to be moved', { view: SICK, reassigns: false }, '10.9.9.9'],
])('asks once about a game whose instance %s', async (_case, options, id) => {
  const { serve, placement, absent } = setUp({ ...options, placement: answering(recorded(id)) });

  expect(await serve([request()])).toMatchObject([{ kind: 'assigned', instanceId: id }]);
  expect(placement.calls.length).toBe(1);
  expect(absent).toEqual([]);
});

it('with no time to ask again it answers what is recorded, and notes who is gone', async () => {
  const { serve, placement, absent } = setUp({ view: SICK, placement: answering(recorded('10.9.9.9')) });

  const assignments = await serve([request({ deadlineMs: NOW_MS + 49 })]);

  expect(assignments).toMatchObject([{ kind: 'assigned', instanceId: '10.9.9.9' }]);
  expect(placement.calls.length).toBe(1);
  expect(absent).toEqual(['10.9.9.9']);
});

it('names a failing instance that somebody has a game on before all the others that are too many to name', async () => {
  const ids = Array.from({ length: 300 }, (_, index) => `10.0.1.${index}`);
  const list = fleetList('10.0.0.1', ...ids.map((id) => instance(id, { status: 'gone' })));
  const view: FleetView = { ...SICK, list, absence: { askedAtMs: NOW_MS, gone: ids } };
  const { serve, placement } = setUp({ view, placement: answering(recorded('10.0.1.299')) });

  await serve([request()]);
  await serve([request()]);

  const gone = placement.calls.map(({ call }) => call.presence?.gone ?? []);
  expect(gone.map(({ length }) => length)).toEqual([256, 256, 256]);
  expect(gone.map((named) => named.indexOf('10.0.1.299'))).toEqual([-1, 0, 0]);
});

it('asks again for the refused and for those whose instance is gone in one call', async () => {
  const first = [recorded('10.9.9.9'), { kind: 'no_capacity' as const }, placed('10.0.0.2')];
  const placement: FakePlacement = fakePlacement(({ requests }) =>
    placement.calls.length === 1 ? first : requests.map(() => placed('10.0.0.3')),
  );
  const view = { ...fleetWithGpus(200), absence: { askedAtMs: NOW_MS, gone: [] } };
  const { serve } = setUp({ view, placement });

  const assignments = await serve(['a', 'b', 'c'].map((gameId) => request({ gameId })));

  expect(assignments).toMatchObject([
    { instanceId: '10.0.0.3' },
    { instanceId: '10.0.0.3' },
    { instanceId: '10.0.0.2' },
  ]);
  const [, second] = placement.calls;
  expect(second?.call.requests.map(gameOf)).toEqual(['a', 'b']);
  expect(second?.call).toMatchObject({ presence: { atMs: NOW_MS, gone: ['10.9.9.9'], back: [] } });
  expect(second?.call.candidates.length).toBe(200);
});

function onGame(op: GameRequest['op'], gameId = 'g'): GameRequest {
  return { op, gameId, deadlineMs: NOW_MS + 435 };
}

const CHOICE: ServiceRequest = { op: 'choose', level: 'high', deadlineMs: NOW_MS + 435 };
const LIST: ServiceRequest = { op: 'list', deadlineMs: NOW_MS + 435 };

it.each<[PlacementResult, object]>([
  [
    { kind: 'found', instanceId: '10.0.0.9', expiresInS: 7 },
    { kind: 'found', instanceId: '10.0.0.9', expiresInS: 7 },
  ],
  [
    { kind: 'found', instanceId: '10.0.0.9' },
    { kind: 'found', instanceId: '10.0.0.9', expiresInS: undefined },
  ],
  [{ kind: 'not_found' }, { kind: 'not_found' }],
  [{ kind: 'released' }, { kind: 'released' }],
  [{ kind: 'unknown' }, { kind: 'released' }],
  [{ kind: 'foreign_record' }, { kind: 'conflict' }],
  [{ kind: 'late' }, { kind: 'deadline_exceeded' }],
])('asked of a game %o becomes %o, with nobody listed and no view asked for', async (result, outcome) => {
  const { serve, placement, budgets } = setUp({ placement: answering(result) });

  expect(await serve([onGame('renew')])).toEqual([outcome]);
  expect(placement.calls[0]?.call).toMatchObject({ candidates: [], requests: [onGame('renew')] });
  expect(budgets).toEqual([]);
});

it('carries out everything that is asked of games in one call, in its order', async () => {
  const { serve, placement } = setUp({
    view: VIEW,
    placement: fakePlacement(({ requests }) => requests.map(() => placed('10.0.0.1'))),
  });
  const asked = [onGame('release', 'a'), request({ gameId: 'b' }), CHOICE, onGame('lookup', 'a'), onGame('renew', 'b')];

  await serve(asked);

  expect(placement.calls).toHaveLength(1);
  expect(placement.calls[0]?.call.requests).toEqual(asked);
  expect(placement.calls[0]?.call.candidates).toHaveLength(2);
});

it('looks at no more of a large fleet for what is asked of games that have an instance', async () => {
  const { serve, placement } = setUp({ view: fleetWithGpus(200) });

  await serve([request(), ...Array.from({ length: 60 }, (_, i) => onGame('lookup', `g${i}`))]);

  expect(placement.calls[0]?.call.candidates).toHaveLength(32);
});

it('tells which instance was chosen, and of what is degraded', async () => {
  const home = instance('10.0.0.7', { restPort: 5002 });
  const view: FleetView = { list: fleetList(home), load: loadReport(), degraded: ['prometheus'] };
  const { serve } = setUp({ view, placement: answering({ kind: 'chosen', instance: home }) });

  expect(await serve([CHOICE])).toEqual([{ kind: 'chosen', instance: home, degraded: ['prometheus'] }]);
});

it('cannot choose or list where nobody could tell who is there', async () => {
  const { serve } = setUp({ placement: answering({ kind: 'no_candidate' }) });

  expect(await serve([CHOICE, LIST])).toEqual([{ kind: 'upstream_unavailable' }, { kind: 'upstream_unavailable' }]);
});

it('lists who is healthy from the view alone, also beside requests that fail', async () => {
  const list = fleetList('10.0.0.2', instance('10.0.0.3', { status: 'gone' }), '10.0.0.1');
  const view: FleetView = { list, load: loadReport(), degraded: ['consul'] };
  const placement = fakePlacement(() => Promise.reject(new UpstreamError('redis', 'connect')));
  const { serve, released } = setUp({ view, placement });
  const listed = { kind: 'listed', instances: [instance('10.0.0.1'), instance('10.0.0.2')], degraded: ['consul'] };

  expect(await serve([LIST])).toEqual([listed]);
  expect(placement.calls).toEqual([]);
  expect(released).toEqual([50]);
  expect(await serve([onGame('lookup'), LIST])).toEqual([{ kind: 'upstream_unavailable' }, listed]);
});

it('lists nobody for who has no time left', async () => {
  const { serve } = setUp({ view: VIEW, openMs: 500 });

  expect(await serve([LIST, request({ deadlineMs: NOW_MS + 2000 })])).toMatchObject([
    { kind: 'deadline_exceeded' },
    { kind: 'assigned' },
  ]);
});

it('asks again, with what is asked once more, for what follows about the same game', async () => {
  const placement: FakePlacement = fakePlacement(({ requests }) =>
    requests.map((asked): PlacementResult => {
      const first = placement.calls.length === 1;
      if (asked.op === 'assign')
        return first && gameOf(asked) === 'full' ? { kind: 'no_capacity' } : placed('10.0.0.7');
      if (asked.op === 'release') return { kind: first ? 'unknown' : 'released' };
      return first ? { kind: 'not_found' } : { kind: 'found', instanceId: '10.0.0.7' };
    }),
  );
  const { serve } = setUp({ view: fleetWithGpus(200), placement });
  const asked = [
    onGame('lookup', 'full'),
    request({ gameId: 'full' }),
    onGame('lookup', 'other'),
    onGame('renew', 'full'),
    onGame('release', 'full'),
  ];

  expect((await serve(asked)).map(({ kind }) => kind)).toEqual([
    'not_found',
    'assigned',
    'not_found',
    'found',
    'released',
  ]);
  expect(placement.calls[1]?.call.requests).toEqual([asked[1], asked[3], asked[4]]);
});

it('looks at the newest for people, and for them alone, beside all that is placed', async () => {
  const seen = { ...VIEW, absence: { askedAtMs: NOW_MS, gone: [] } };
  const opened: (boolean | undefined)[] = [];
  const views: FleetViews = {
    open(_budgetMs, newest) {
      opened.push(newest);
      return Promise.resolve(openView(seen));
    },
    noteAbsent: () => {},
  };
  const told: unknown[] = [];
  const serve = createServeRequests({
    ...{ views, placement: fakePlacement(), clock: () => NOW_MS, random: () => 0.5, log: fakeLog(), reassigns: true },
    insight: async (asked, { opened: { view }, presence }) => {
      told.push([asked.op, view, presence(['10.9.9.9'])]);
      return { kind: 'upstream_unavailable' };
    },
  });
  const report = { op: 'report', deadlineMs: NOW_MS + 435 } as const;
  const signal = new AbortController().signal;

  const together = await serve([request(), report, { ...request(), op: 'explain' }], signal);
  await serve([report], signal);

  expect(together.map(({ kind }) => kind)).toEqual(['assigned', 'upstream_unavailable', 'upstream_unavailable']);
  expect(opened).toEqual([false, true]);
  const presence = { atMs: NOW_MS, gone: ['10.9.9.9'], back: [] };
  expect(told).toEqual(['report', 'explain', 'report'].map((op) => [op, seen, presence]));
});
