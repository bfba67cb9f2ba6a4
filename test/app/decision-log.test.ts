import { describe, expect, it } from 'vitest';
import type { DecisionLine, SnapshotLine } from '../../lib/app/decision-lines.ts';
import { createDecisionLog, type DecisionLogOptions } from '../../lib/app/decision-log.ts';
import type { Candidate, Decision, PlacementCall } from '../../lib/app/placement.ts';
import type { AssignRequest, ServiceRequest } from '../../lib/app/service-requests.ts';
import type { FleetView, Sample } from '../../lib/domain/fleet.ts';
import { toSelector } from '../../lib/domain/selector.ts';
import { fakeLog, fleetList, loadReport, NOW_MS } from '../support/fakes.ts';
import { createRandom } from '../support/random.ts';

const RULE = { strategy: 'spread' };

function setUp(overrides: Partial<DecisionLogOptions> = {}) {
  const lines: string[] = [];
  const log = fakeLog();
  const options = { mode: 'all', service: 'game-service', rule: RULE, random: () => 0.3, log } as const;
  const decisionLog = createDecisionLog({ ...options, write: (line) => void lines.push(line), ...overrides });
  if (decisionLog === undefined) throw new Error('it is off');
  const read = () => lines.map((line): SnapshotLine | DecisionLine => JSON.parse(line));
  return { decisionLog, lines, log, read };
}

function assign(overrides: Partial<AssignRequest> = {}): AssignRequest {
  return { op: 'assign', gameId: 'g', level: 'low', attempt: 'secret-attempt', deadlineMs: NOW_MS, ...overrides };
}

function viewOf(ids: readonly string[], samples: Readonly<Record<string, Partial<Sample>>> = {}): FleetView {
  return { list: fleetList(...ids), load: loadReport(samples), degraded: [] };
}

/** A call for `requests` among all of the view, each of which was decided between those at `positions`. */
function decided(view: FleetView, requests: readonly ServiceRequest[], positions: readonly number[] = [0, 1]) {
  const candidates = view.list.instances.map(
    (each): Candidate => ({ instance: each, sample: view.load.samples.get(each.id) }),
  );
  const placing = requests.filter(({ op }) => !['list', 'report', 'explain'].includes(op)) as PlacementCall['requests'];
  const call: PlacementCall = { candidates, newestSampleS: undefined, requests: placing };
  return { requests, call, view, decisions: requests.map((_, request) => decision(request, positions)) };
}

function decision(request: number, positions: readonly number[], overrides: Partial<Decision> = {}): Decision {
  return {
    request,
    atMs: NOW_MS + 0.5,
    moves: false,
    ...(positions[0] !== undefined && { winner: positions[0] }),
    ...(positions[1] !== undefined && { runnerUp: positions[1] }),
    scores: '[0.10000000000000001,0.20000000000000001]',
    service: '[1772366400,1772366400,0,0,0,0,0,0,0]',
    whole: '[2,0,0,false,false]',
    candidates: positions.map((position) => ({ position, state: '[false,0.30000000000000004]' })),
    ...overrides,
  };
}

it('has the ids of the traces that the call is made in', () => {
  const { decisionLog, read } = setUp({ trace: () => '0af7651916cd43dd8448eb211c80319c' });

  decisionLog.write(decided(viewOf(['a', 'b']), [assign()]));

  expect(read().at(-1)).toMatchObject({ kind: 'decision', trace: '0af7651916cd43dd8448eb211c80319c' });
});

const kinds = (lines: readonly { readonly kind: string }[]) => lines.map(({ kind }) => kind);

describe('picks', () => {
  const requests = Array.from({ length: 100_000 }, () => assign());
  const others: ServiceRequest[] = [
    { op: 'release', gameId: 'g', deadlineMs: NOW_MS },
    { op: 'choose', level: 'low', deadlineMs: NOW_MS },
    { op: 'list', deadlineMs: NOW_MS },
  ];

  it('every assign request in mode all, and no other', () => {
    expect(setUp().decisionLog.pick([assign(), ...others, assign()])).toEqual([0, 4]);
    expect(setUp().decisionLog.pick(others)).toBeUndefined();
  });

  it('one of a hundred in mode sample', () => {
    const { decisionLog } = setUp({ mode: 'sample', random: createRandom('sample').uniform });

    const picked = decisionLog.pick(requests) ?? [];

    expect(picked.length).toBeGreaterThan(800);
    expect(picked.length).toBeLessThan(1200);
  });

  it('none in mode off, which is no log at all', () => {
    const options = { service: 's', rule: RULE, random: () => 0.3, write: () => {}, log: fakeLog() };

    expect(createDecisionLog({ mode: 'off', ...options })).toBeUndefined();
  });
});

it('tells a decision with its candidates, and before it what was seen of these', () => {
  const { decisionLog, read } = setUp();
  const view = viewOf(['10.0.0.1', '10.0.0.2', '10.0.0.3'], { '10.0.0.1': { cpuCores: 1.5 } });
  const request = assign({
    gameId: 'match-7',
    level: 'high',
    expected: { cpuCores: 0.5, exact: true },
    strategy: 'pack',
    require: toSelector({ region: 'eu', gpu: true })!,
  });

  decisionLog.write(decided(view, [request]));

  expect(read()).toEqual([
    {
      kind: 'fleet_snapshot',
      service: 'game-service',
      snapshot: expect.stringMatching(/^[a-z0-9]+-1$/),
      part: 1,
      rule: RULE,
      listed: 3,
      eligible: 3,
      newest_sample_s: NOW_MS / 1000,
      instances: [
        { id: '10.0.0.1', cpu_cores: 4, memory_bytes: 8 * 1024 ** 3, sample: [NOW_MS / 1000, 1.5, 1e9] },
        { id: '10.0.0.2', cpu_cores: 4, memory_bytes: 8 * 1024 ** 3 },
      ],
    },
    {
      kind: 'decision',
      service: 'game-service',
      snapshot: expect.stringMatching(/-1$/),
      at_ms: NOW_MS + 0.5,
      game_id: 'match-7',
      level: 'high',
      expected: { cpu_cores: 0.5, exact: true },
      strategy: 'pack',
      require: { region: 'eu', gpu: true },
      outcome: 'placed',
      winner: '10.0.0.1',
      winner_score: 0.1,
      runner_up: '10.0.0.2',
      runner_up_score: 0.2,
      seen: 3,
      averages: [1772366400, 1772366400, 0, 0, 0, 0, 0, 0, 0],
      whole: [2, 0, 0, false, false],
      candidates: [
        { id: '10.0.0.1', state: [false, 0.30000000000000004] },
        { id: '10.0.0.2', state: [false, 0.30000000000000004] },
      ],
    },
  ]);
});

it('says no more of a request than that: not who asked', () => {
  const { decisionLog, lines } = setUp();

  decisionLog.write(decided(viewOf(['a', 'b']), [assign()]));

  expect(lines.join()).not.toContain('secret-attempt');
});

it('tells of a refusal, of a move and of a degraded view', () => {
  const { decisionLog, read } = setUp();
  const view: FleetView = { ...viewOf(['a', 'b']), degraded: ['prometheus'] };
  const call = decided(view, [assign()]);
  const { winner: _, runnerUp: __, ...nobody } = decision(0, [0, 1], { refusal: 'no_capacity', moves: true });

  decisionLog.write({ ...call, decisions: [{ ...nobody, scores: '[false,false]' }] });

  const [, line] = read();
  expect(line).toMatchObject({ outcome: 'no_capacity', moved: true, degraded: ['prometheus'] });
  expect(line).not.toHaveProperty('winner');
  expect(line).not.toHaveProperty('winner_score');
});

it('names groups of candidates by their place in the line', () => {
  const { decisionLog, read } = setUp();
  const request = {
    ...assign(),
    tiers: [
      [3, 1],
      [0, 2],
    ],
  };
  const call = decided(viewOf(['a', 'b', 'c', 'd']), [request], [1, 2, 3]);

  decisionLog.write(call);

  expect(read()[1]).toMatchObject({ tiers: [[2, 0], [1]] });
});

it('tells what was seen of a view once, and of a new view anew', () => {
  const { decisionLog, read } = setUp();
  const [first, second] = [viewOf(['a', 'b', 'c']), viewOf(['a', 'b', 'c'])];

  decisionLog.write(decided(first, [assign(), assign()]));
  decisionLog.write(decided({ ...first, degraded: ['consul'] }, [assign()], [0, 2]));
  decisionLog.write(decided(second, [assign()]));
  decisionLog.write(decided({ ...second, load: loadReport() }, [assign()]));

  const lines = read();
  expect(kinds(lines)).toEqual([
    ...['fleet_snapshot', 'decision', 'decision', 'fleet_snapshot', 'decision'],
    ...['fleet_snapshot', 'decision', 'fleet_snapshot', 'decision'],
  ]);
  const snapshots = lines.filter((line) => line.kind === 'fleet_snapshot');
  const told = snapshots.map(({ snapshot, part, instances }) => [
    snapshot.slice(-2),
    part,
    instances.map(({ id }) => id),
  ]);
  expect(told).toEqual([
    ['-1', 1, ['a', 'b']],
    ['-1', 2, ['c']],
    ['-2', 1, ['a', 'b']],
    ['-3', 1, ['a', 'b']],
  ]);
  expect(lines.map(({ snapshot }) => snapshot.slice(-2))).toEqual([
    '-1',
    '-1',
    '-1',
    '-1',
    '-1',
    '-2',
    '-2',
    '-3',
    '-3',
  ]);
});

it('gives the snapshots of two processes different numbers', () => {
  const random = createRandom('processes').uniform;
  const numbers = [1, 2].map(() => {
    const { decisionLog, read } = setUp({ random });
    decisionLog.write(decided(viewOf(['a', 'b']), [assign()]));
    return read()[0]?.snapshot;
  });

  expect(numbers[0]).not.toBe(numbers[1]);
});

it('leaves a sample out that is no number, as the decision did', () => {
  const { decisionLog, read } = setUp();

  decisionLog.write(decided(viewOf(['a', 'b'], { a: { cpuCores: Number.NaN } }), [assign()]));

  const [snapshot] = read();
  expect(snapshot?.kind === 'fleet_snapshot' && snapshot.instances[0]).not.toHaveProperty('sample');
});

/** The longest that each may be, in the characters that take most room. */
const LONGEST = {
  id: (number: number) => `${number}`.padStart(256, '‱'),
  gameId: '🎮'.repeat(128),
  // Written as \u0001 each.
  selector: toSelector(
    Object.fromEntries(Array.from({ length: 8 }, (_, key) => [`${key}`.padEnd(64, '\u0001'), '\u0001'.repeat(128)])),
  )!,
  state: `[${Array.from({ length: 15 }, () => '-1.2345678901234567e-308').join(',')}]`,
};

describe('a line has at most', () => {
  const bytes = (lines: readonly string[]) => Math.max(...lines.map((line) => Buffer.byteLength(line)));

  function linesOf(ids: readonly string[], request: AssignRequest, state: string) {
    const { decisionLog, lines } = setUp();
    const sample = { atS: 1772366400.1234567, cpuCores: 1.2345678901234567, memoryBytes: 12345678901.123457 };
    const view = viewOf(ids, Object.fromEntries(ids.map((id) => [id, sample])));
    const positions = Array.from({ length: 32 }, (_, index) => index * Math.floor(ids.length / 32));
    const call = decided(view, [request], positions);
    const tiers = [positions.slice(0, 20), positions.slice(20)];
    decisionLog.write({
      ...call,
      call: { ...call.call, requests: [{ ...request, tiers }] },
      decisions: [decision(0, positions, { candidates: positions.map((position) => ({ position, state })) })],
    });
    return lines;
  }

  it('64 KiB, with everything as long as it may be', () => {
    const { gameId, selector } = LONGEST;
    const ids = Array.from({ length: 32 }, (_, number) => LONGEST.id(number));

    const lines = linesOf(ids, assign({ gameId, require: selector, prefer: selector }), LONGEST.state);

    expect(lines).toHaveLength(2);
    expect(bytes(lines)).toBeLessThanOrEqual(64 * 1024);
    expect(bytes(lines)).toBeGreaterThan(40 * 1024); // or it would not be the longest
  });

  it('16 KiB with 32 candidates named by address, of however many', () => {
    const ids = Array.from({ length: 3000 }, (_, number) => `10.20.${number >> 8}.${number & 255}`);

    const lines = linesOf(ids, assign({ gameId: crypto.randomUUID() }), LONGEST.state);

    expect(lines).toHaveLength(2);
    expect(bytes(lines)).toBeLessThanOrEqual(16 * 1024);
  });
});

it('is one line, whatever a request says', () => {
  const { decisionLog, lines } = setUp();
  const require = toSelector({ 'a\u2028b': 'c\nd\u0085e' })!;

  decisionLog.write(decided(viewOf(['a', 'b']), [assign({ require })]));

  expect(lines.join('')).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ require: { 'a\u2028b': 'c\nd\u0085e' } });
});

it('never throws, and says once that it failed', () => {
  const { decisionLog, log } = setUp({
    write: () => {
      throw new Error('disk full');
    },
  });

  for (let i = 0; i < 3; i += 1) decisionLog.write(decided(viewOf(['a', 'b']), [assign()]));
  decisionLog.write({
    ...decided(viewOf(['a', 'b']), [assign()]),
    decisions: [decision(0, [0, 1], { scores: '[nan,1]' })],
  });

  expect(log.events()).toEqual(['decision_log_failed']);
});
