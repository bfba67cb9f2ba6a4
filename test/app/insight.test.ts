import { expect, it } from 'vitest';
import type { OpenView } from '../../lib/app/fleet-views.ts';
import { createInsight } from '../../lib/app/insight.ts';
import type { InsightOptions } from '../../lib/app/insight-call.ts';
import type { CandidateExplanation, Explanation, PlacementCall, PlacementResult } from '../../lib/app/placement.ts';
import type { ExplainRequest, InsightRequest } from '../../lib/app/service-requests.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import type { FleetView, Instance } from '../../lib/domain/fleet.ts';
import { toSelector } from '../../lib/domain/selector.ts';
import { fakeLog, fleetList, instance, loadReport, NOW_MS, openView } from '../support/fakes.ts';
import { noLimit } from '../support/http-server.ts';

const A = instance('10.0.0.1');
const B = instance('10.0.0.2', { maxGames: 4, tags: ['gpu'] });
const DRAINING = instance('10.0.0.3', { status: 'listed', draining: true });
const MAINTAINED = instance('10.0.0.4', { status: 'listed' });
const FAILING = instance('10.0.0.5', { status: 'gone' });

function viewOf(...instances: readonly Instance[]): FleetView {
  const load = loadReport({ '10.0.0.1': { atS: NOW_MS / 1000 - 3, cpuCores: 1.5 } });
  return { list: fleetList(...instances), load, degraded: [], absence: { askedAtMs: NOW_MS, gone: [] } };
}
const VIEW = viewOf(FAILING, DRAINING, B, MAINTAINED, A);

const FIGURES = {
  ...{ state: 'sampled', cpu: 0.5, ram: 0.4, cpuNow: 0.4, ramNow: 0.3, cpuPending: 1, ramPending: 1.25, games: 2 },
  recent: [1, 0, 0, 0, 0, 0, 0, 0, 0, 4],
} as const satisfies Omit<CandidateExplanation, 'instanceId'>;

const RULE = { gameCpuCores: 0.12, gameMemoryBytes: 113e6, recentAtS: 1_772_366_400 };

interface SetUp extends Partial<Pick<InsightOptions, 'reassigns' | 'strategy'>> {
  readonly answer?: (call: PlacementCall) => Partial<Explanation> | Promise<never>;
}

/** Every candidate is scored 0.5, and the first one placed on, but for what `answer` says otherwise. */
function setUp({ answer = () => ({}), reassigns = true, strategy = 'spread' }: SetUp = {}) {
  const calls: { readonly call: PlacementCall; readonly signal: AbortSignal }[] = [];
  const log = fakeLog();
  const insight = createInsight({
    serviceName: 'game-service',
    placement: {
      place: () => Promise.reject(new Error('nothing may be written')),
      async explain(call, signal) {
        calls.push({ call, signal });
        const result: PlacementResult = { kind: 'placed', instanceId: '10.0.0.2', reassigned: false };
        const candidates = call.candidates.map(({ instance: { id } }) => ({ ...FIGURES, instanceId: id, score: 0.5 }));
        return { result, candidates, ...RULE, ...(await answer(call)) };
      },
    },
    ...{ clock: () => NOW_MS, random: () => 0.5, log, reassigns, strategy, packCeiling: 0.75 },
  });
  const ask = (request: InsightRequest, opened: OpenView = openView(VIEW)) =>
    insight(request, {
      opened,
      presence: (alsoGone = []) => ({ atMs: NOW_MS, gone: alsoGone, back: [] }),
      signal: noLimit(),
    });
  return { calls, log, ask };
}

const REPORT = { op: 'report', deadlineMs: NOW_MS + 435 } as const;
const down = () => Promise.reject(new UpstreamError('redis', 'connect'));

async function report(options: SetUp = {}, opened: OpenView = openView(VIEW)) {
  const outcome = await setUp(options).ask(REPORT, opened);
  if (outcome.kind !== 'reported') throw new Error(outcome.kind);
  return outcome.report;
}

it('reports every instance that does not fail, by their ids, with what is measured and what the rule goes by', async () => {
  const { calls, ask } = setUp();

  const outcome = await ask(REPORT);

  expect(outcome).toEqual({
    kind: 'reported',
    report: {
      serviceName: 'game-service',
      atMs: NOW_MS,
      sources: {
        consul: { state: 'ok', ageMs: 0 },
        prometheus: { state: 'ok', ageMs: 0 },
        redis: { state: 'ok' },
      },
      rule: expect.objectContaining(RULE),
      failing: ['10.0.0.5'],
      instances: [
        {
          instance: A,
          measured: { sample: expect.objectContaining({ cpuCores: 1.5 }), ageS: 3 },
          figures: expect.objectContaining({ ...FIGURES, instanceId: '10.0.0.1' }),
        },
        ...[B, DRAINING, MAINTAINED].map((each) => ({
          instance: each,
          figures: expect.objectContaining({ instanceId: each.id }),
        })),
      ],
    },
  });
  // One choice that is not made, over all that are there.
  const [{ call }] = calls as [(typeof calls)[0]];
  expect(calls).toHaveLength(1);
  expect(call.requests).toEqual([{ op: 'choose', level: 'low', deadlineMs: REPORT.deadlineMs }]);
  expect(call.candidates.map((each) => each.instance)).toEqual([DRAINING, B, MAINTAINED, A]);
});

it('reports what it knows without Redis', async () => {
  const { sources, rule, instances } = await report({ answer: down });

  expect(sources.redis).toEqual({ state: 'degraded' });
  expect(rule).toBeUndefined();
  expect(instances.map(({ figures }) => figures)).toEqual(Array(4).fill(undefined));
  expect(instances[0]?.measured).toBeDefined();
});

it('does not ask Redis without the time for it, and gives it no more than there is', async () => {
  const { ask, calls } = setUp();

  const outcome = await ask({ op: 'report', deadlineMs: NOW_MS + 30 });

  expect(outcome).toMatchObject({ kind: 'reported', report: { sources: { redis: { state: 'degraded' } } } });
  expect(calls).toEqual([]);
});

it('names 100 failing instances at most, and no sample in the future', async () => {
  const failing = Array.from({ length: 300 }, (_, index) => instance(`10.1.0.${index}`, { status: 'gone' }));
  const ahead = { ...viewOf(A, ...failing), load: loadReport({ '10.0.0.1': { atS: NOW_MS / 1000 + 60 } }) };

  const { failing: named, instances } = await report({}, openView(ahead));

  expect(named).toHaveLength(100);
  expect(instances.map(({ measured }) => measured?.ageS)).toEqual([0]);
});

it('passes on how the sources stand', async () => {
  const sources = { consul: { state: 'degraded', ageMs: 7000 }, prometheus: { state: 'off' } } as const;

  expect((await report({}, { ...openView(VIEW), sources })).sources).toEqual({ ...sources, redis: { state: 'ok' } });
});

it.each<InsightRequest>([REPORT, { op: 'explain', gameId: 'g', level: 'low', attempt: 'a', deadlineMs: NOW_MS + 435 }])(
  'cannot tell without a view: %j',
  async (request) => {
    const { ask } = setUp({ answer: () => ({ result: { kind: 'no_candidate' }, candidates: [] }) });

    expect(await ask(request, openView(undefined))).toEqual({ kind: 'upstream_unavailable' });
  },
);

function request(overrides: Partial<ExplainRequest> = {}): ExplainRequest {
  return { op: 'explain', gameId: 'g', level: 'low', attempt: 'a', deadlineMs: NOW_MS + 435, ...overrides };
}

async function explain(overrides: Partial<ExplainRequest> = {}, options: SetUp = {}, view: FleetView = VIEW) {
  const { ask, calls } = setUp(options);
  const outcome = await ask(request(overrides), openView(view));
  if (outcome.kind !== 'explained') throw new Error(outcome.kind);
  const { explanation } = outcome;
  return { explanation, calls, reasons: explanation.instances.map(({ instanceId, reason }) => [instanceId, reason]) };
}

it('explains among all that take games, and names the others with the reason', async () => {
  const { explanation, reasons, calls } = await explain();

  expect(reasons).toEqual([
    ['10.0.0.2', 'chosen'],
    ['10.0.0.1', 'higher_score'],
    ['10.0.0.3', 'draining'],
    ['10.0.0.4', 'not_taking'],
    ['10.0.0.5', 'failing'],
  ]);
  expect(explanation).toMatchObject({
    ...{ serviceName: 'game-service', atMs: NOW_MS, decision: 'placed', instanceId: '10.0.0.2', degraded: [] },
    ...{ gameCpuCores: 0.12, gameMemoryBytes: 113e6 },
    message: '10.0.0.2 has the lowest expected use: CPU 50 %, RAM 40 %; next is 10.0.0.1 with CPU 50 %, RAM 40 %.',
  });
  expect(explanation.instances.map(({ figures }) => figures !== undefined)).toEqual([true, true, false, false, false]);
  expect(calls[0]?.call.candidates.map((each) => each.instance)).toEqual([B, A]);
});

it('asks as an assignment does: with its level, what it is to use, strategy, selectors and what is gone', async () => {
  const expected = { cpuCores: 2, exact: true };
  const prefer = toSelector({ gpu: true });

  const { calls } = await explain({ level: 'high', expected, strategy: 'pack', ...(prefer && { prefer }) });

  expect(calls[0]?.call).toMatchObject({
    requests: [
      { op: 'assign', gameId: 'g', level: 'high', attempt: 'a', expected, strategy: 'pack', tiers: [[0], [1]] },
    ],
    presence: { atMs: NOW_MS, gone: [], back: [] },
  });
  expect(calls[0]?.call.requests[0]).not.toHaveProperty('prefer');
});

it('leaves out what the request does not select, and says so', async () => {
  const require = toSelector({ gpu: true });

  const { reasons, calls } = await explain({ ...(require && { require }) });

  expect(calls[0]?.call.candidates.map((each) => each.instance)).toEqual([B]);
  expect(reasons).toEqual([
    ['10.0.0.2', 'chosen'],
    ['10.0.0.1', 'not_selected'],
    ['10.0.0.3', 'draining'],
    ['10.0.0.4', 'not_taking'],
    ['10.0.0.5', 'failing'],
  ]);
});

it('says of a recorded game where it is, wherever that is', async () => {
  const result = { kind: 'recorded', instanceId: '10.0.0.3', sameAttempt: false, reassigned: false } as const;

  const { explanation, reasons, calls } = await explain({}, { answer: () => ({ result }) });

  expect(explanation).toMatchObject({ decision: 'recorded', instanceId: '10.0.0.3' });
  expect(explanation.message).toBe('The game is recorded on 10.0.0.3 already, and it stays there.');
  expect(reasons[0]).toEqual(['10.0.0.3', 'recorded']);
  expect(reasons.filter(([, reason]) => reason === 'not_considered')).toHaveLength(2);
  expect(calls).toHaveLength(1);
});

it.each([true, false])(
  'of a recorded game whose instance is gone asks again as an assignment does: %s',
  async (reassigns) => {
    const result = { kind: 'recorded', instanceId: '10.9.9.9', sameAttempt: false, reassigned: false } as const;

    const { explanation, calls } = await explain({}, { answer: () => ({ result }), reassigns });

    expect(calls.map(({ call }) => call.presence?.gone)).toEqual(reassigns ? [[], ['10.9.9.9']] : [[]]);
    expect(explanation.message).toContain('is not listed any more');
  },
);

it.each<[PlacementResult, string]>([
  [{ kind: 'no_capacity' }, 'no_capacity'],
  [{ kind: 'too_many_games' }, 'too_many_games'],
  [{ kind: 'foreign_record' }, 'conflict'],
  [{ kind: 'no_candidate' }, 'no_candidate'],
])('of %j says %s, without an instance', async (result, decision) => {
  const { explanation } = await explain({}, { answer: () => ({ result }) });

  expect(explanation.decision).toBe(decision);
  expect(explanation).not.toHaveProperty('instanceId');
});

it('says where nothing matches what is required', async () => {
  const require = toSelector({ region: 'moon' });
  const result = { kind: 'no_candidate' } as const;

  const { explanation } = await explain(
    { ...(require && { require }) },
    { answer: () => ({ result, candidates: [] }) },
  );

  expect(explanation.message).toBe('No healthy instance matches settings.require.');
});

it('goes by the configured strategy where the request names none', async () => {
  const { explanation } = await explain({}, { strategy: 'pack' });

  expect(explanation.message).toContain('is the fullest that stays below 75 %');
});

it('says of a large fleet that an assignment sees a part of it', async () => {
  const view = viewOf(...Array.from({ length: 100 }, (_, index) => instance(`10.0.1.${index}`)));
  const answer = ({ candidates }: PlacementCall) => ({
    result: { kind: 'placed', instanceId: candidates[0]?.instance.id ?? '', reassigned: false } as const,
  });

  const { explanation, calls } = await explain({}, { answer }, view);

  expect(calls[0]?.call.candidates).toHaveLength(100);
  expect(explanation.message).toContain('; of 100 instances each assignment looks at 32, drawn by chance.');
});

it('fails where Redis cannot be asked, or not in time', async () => {
  const { ask, log } = setUp({ answer: down });
  expect(await ask(request())).toEqual({ kind: 'upstream_unavailable' });
  expect(log.events()).toEqual(['explanation_failed']);

  const late = setUp({ answer: () => ({ result: { kind: 'late' } }) });
  expect(await late.ask(request())).toEqual({ kind: 'deadline_exceeded' });
});
