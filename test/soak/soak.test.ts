import { expect, it } from 'vitest';
import { type FaultWindow, isUntroubled, whyUnanswered, whyUnansweredOverHttp } from './excuses.ts';
import { readOptions } from './options.ts';
import { FAULTS, planFaults } from './schedule.ts';
import { judge, type Seen, type SoakRun } from './verdict.ts';

it('does a fault every three seconds, each kind once a round, all of them taken back before the end', () => {
  const kinds = Object.keys(FAULTS).length;
  const plan = planFaults('1', 10 * 60_000);

  expect(plan).toHaveLength(198);
  expect(plan.map(({ atMs }) => atMs)).toEqual(plan.map((_, index) => 3000 * (index + 1)));
  expect(new Set(plan.slice(0, kinds).map(({ name }) => name)).size).toBe(kinds);
  expect(Math.max(...plan.map(({ holdMs }) => holdMs))).toBeLessThan(3000);
});

it('does the same faults with the same seed, and others with another one', () => {
  expect(planFaults('1', 60_000)).toEqual(planFaults('1', 60_000));
  expect(planFaults('1', 60_000)).not.toEqual(planFaults('2', 60_000));
});

const window = (name: FaultWindow['name'], fromMs: number, toMs: number): FaultWindow => ({ name, fromMs, toMs });

it('excuses over NATS what was under way when a relay was killed, and all that came while one stood still', () => {
  const life = { fromMs: 1000, toMs: 1500 };

  expect(whyUnanswered(life, [window('relay killed', 1400, 9000)])).toBe('relay killed');
  expect(whyUnanswered(life, [window('relay killed', 100, 9000)])).toBeUndefined();
  expect(whyUnanswered(life, [window('relay stopped', 100, 9000)])).toBe('relay stopped');
  expect(whyUnanswered(life, [window('nats killed', 100, Number.POSITIVE_INFINITY)])).toBe('nats killed');
  expect(whyUnanswered(life, [window('nats stopped', 100, 900)])).toBeUndefined();
});

it('excuses over NATS nothing that is wrong behind the relay, and over HTTPS only what is wrong with the functions', () => {
  const life = { fromMs: 1000, toMs: 1500 };
  const all = (Object.keys(FAULTS) as FaultWindow['name'][]).map((name) => window(name, 900, 2000));
  const excusing = (why: typeof whyUnanswered) => all.filter((each) => why(life, [each]) !== undefined);

  expect(excusing(whyUnanswered).map(({ name }) => FAULTS[name])).toEqual(['relay', 'relay', 'nats', 'nats']);
  expect(new Set(excusing(whyUnansweredOverHttp).map(({ name }) => FAULTS[name]))).toEqual(new Set(['functions']));
});

it('calls untroubled what no fault came near', () => {
  const windows = [window('redis killed', 5000, 6000)];

  expect(isUntroubled({ fromMs: 4000, toMs: 4900 }, windows)).toBe(true);
  expect(isUntroubled({ fromMs: 4900, toMs: 5100 }, windows)).toBe(false);
  expect(isUntroubled({ fromMs: 6500, toMs: 6600 }, windows)).toBe(false);
  expect(isUntroubled({ fromMs: 7100, toMs: 7200 }, windows)).toBe(true);
});

function request(sentMs: number, outcome: string, ms: number): Seen {
  return { op: 'assign', door: 'nats', sentMs, ms, outcome };
}

function run(overrides: Partial<SoakRun> = {}): SoakRun {
  return {
    durationMs: 600_000,
    seen: [request(1000, 'success', 10), request(2000, 'success', 30), request(5000, 'deadline_exceeded', 450)],
    windows: [window('redis stopped', 4900, 5500)],
    violations: [],
    excused: { 'relay killed': 2 },
    lateExcused: 0,
    relayMiB: [80, 82, 84, 90],
    ...overrides,
  };
}

it('gives one line, and figures of what faults did not touch', () => {
  const { passed, line, figures } = judge(run());

  expect(passed).toBe(true);
  expect(line).toBe('soak: 10 min, 3 requests, 1 faults, 0 violations');
  expect(figures).toMatchObject({
    success_share: 2 / 3,
    untroubled_requests: 2,
    untroubled_success_share: 1,
    untroubled_p50_ms: 30,
    excused: 2,
    relay_mib_at_first: 80,
    relay_mib_highest: 90,
  });
});

it('fails at one violation, and says which', () => {
  const { passed, line, details } = judge(
    run({ violations: [{ kind: 'two_instances', gameId: 'g', detail: 'here and there' }] }),
  );

  expect(passed).toBe(false);
  expect(line).toBe('soak: 10 min, 3 requests, 1 faults, 1 violations');
  expect(details).toContain('two_instances g: here and there');
});

it('judges a run that was ended before anything happened', () => {
  expect(judge(run({ seen: [], windows: [], relayMiB: [] })).line).toBe(
    'soak: 10 min, 0 requests, 0 faults, 0 violations',
  );
});

it('reads its options, and says what is wrong with them', () => {
  expect(readOptions([])).toMatchObject({ minutes: 10, rate: 200, seed: '1', jsonFile: undefined, help: false });
  expect(readOptions(['--minutes', '0.5', '--rate', '50', '--seed', 'x', '--json', 'f'])).toMatchObject({
    minutes: 0.5,
    rate: 50,
    seed: 'x',
    jsonFile: 'f',
  });
  expect(readOptions(['--minutes', 'ten'])).toEqual({ problem: expect.stringContaining('--minutes') });
  expect(readOptions(['--rate', '0'])).toEqual({ problem: expect.stringContaining('--rate') });
  expect(readOptions(['--minuets', '1'])).toEqual({ problem: expect.stringContaining('--minuets') });
});
