import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { CannotGoOn, type Io, WrongUsage } from '../../dev/cli/command.ts';
import { replay } from '../../dev/cli/commands/replay.ts';
import { type ReplayOptions, replayLog } from '../../dev/cli/replay/replay-log.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import type { DecisionLine, SnapshotLine } from '../../lib/app/decision-lines.ts';
import type { FleetView, Sample } from '../../lib/domain/fleet.ts';
import { loadScript } from '../../lib/placement/lua-placement.ts';
import { decidedHistory, type HistoryOptions, loggedService } from '../support/decided-history.ts';
import { fleetList, instance, loadReport } from '../support/fakes.ts';
import { noLimit } from '../support/http-server.ts';
import { T0 } from '../support/placement.ts';
import { type PlacementServer, startPlacementServer } from '../support/placement-service.ts';

let server: PlacementServer;
let redisUrl: string;
/** A short history that tests may tamper with. */
let short: readonly string[];

beforeAll(async () => {
  server = await startPlacementServer();
  const { host, port } = server.redis.options;
  redisUrl = `redis://${host}:${port}/0`;
  short = await decidedHistory(server.client, { name: 'short', instances: 12, decisions: 100 });
});
afterAll(() => server.stop());

async function* each(lines: readonly string[]) {
  yield* lines;
}

function replayLines(lines: readonly string[], options: Partial<ReplayOptions> = {}) {
  return replayLog(each(lines), {
    redis: server.client,
    script: loadScript(),
    prefix: `replay-${crypto.randomUUID()}`,
    change: (rule) => rule,
    compareScores: true,
    onProgress: () => {},
    stop: new AbortController().signal,
    ...options,
  });
}

type Logged = DecisionLine | SnapshotLine;
const parsed = (lines: readonly string[]): Logged[] => lines.map((line) => JSON.parse(line));
const decisionsIn = (lines: readonly string[]) => parsed(lines).filter((line) => line.kind === 'decision');

/** The lines with one of them changed: the first decision that `change` does anything to. */
function tampered(lines: readonly string[], change: (line: DecisionLine) => object | undefined): string[] {
  let done = false;
  return lines.map((text) => {
    const line: Logged = JSON.parse(text);
    const changed = done || line.kind !== 'decision' ? undefined : change(line);
    done ||= changed !== undefined;
    return changed === undefined ? text : JSON.stringify({ ...line, ...changed });
  });
}

const HISTORIES: readonly HistoryOptions[] = [
  { name: 'all defaults', instances: 32, decisions: 2500 },
  { name: 'two', instances: 2, decisions: 1000 },
  { name: 'pack', instances: 31, decisions: 2500, config: { strategy: 'pack' } },
  { name: 'most games', instances: 7, decisions: 1500, config: { mostGames: 80, recordTtlS: 300, leaseTtlS: 600 } },
  {
    name: 'costly games',
    instances: 16,
    decisions: 2500,
    config: { gameCost: { low: { cpuCores: 0.1, memoryBytes: 1e8 }, high: { cpuCores: 0.4, memoryBytes: 7e8 } } },
  },
];

it('makes 10,000 decisions among up to 32 instances again, without a difference', async () => {
  const lines = (await Promise.all(HISTORIES.map((options) => decidedHistory(server.client, options)))).flat();

  const replayed = await replayLines(lines);

  expect(replayed).toMatchObject({ different: 0, differences: [], without_snapshot: 0, unreadable: 0 });
  expect(replayed.decisions).toBeGreaterThanOrEqual(10_000);
  // Else it would have been easy.
  const decisions = decisionsIn(lines);
  const share = (matches: (line: DecisionLine) => unknown) => decisions.filter(matches).length / decisions.length;
  expect(share(({ level }) => level === 'high')).toBeGreaterThan(0.3);
  expect(share(({ expected }) => expected)).toBeGreaterThan(0.1);
  expect(share(({ strategy }) => strategy === 'pack')).toBeGreaterThan(0.05);
  expect(share(({ tiers }) => tiers)).toBeGreaterThan(0.1);
  expect(share(({ moved }) => moved)).toBeGreaterThan(0.001);
  expect(share(({ outcome }) => outcome === 'no_capacity')).toBeGreaterThan(0.01);
  expect(share(({ outcome }) => outcome === 'too_many_games')).toBeGreaterThan(0.01);
  expect(share(isWonByDark)).toBeGreaterThan(0.05);
});

/** Its winner was dark: since when is the twelfth of its numbers, see place.lua. */
function isWonByDark({ winner, candidates }: DecisionLine): boolean {
  const state = candidates.find(({ id }) => id === winner)?.state;
  return Array.isArray(state) && state[11] !== false;
}

it('makes those of a large fleet again from the 32 that tell most', async () => {
  const lines = await decidedHistory(server.client, { name: 'large', instances: 150, decisions: 500 });

  const replayed = await replayLines(lines);

  expect(replayed).toMatchObject({ different: 0, differences: [], without_snapshot: 0 });
  const decisions = decisionsIn(lines);
  expect(Math.max(...decisions.map(({ seen }) => seen))).toBeGreaterThan(64);
  expect(Math.max(...decisions.map(({ candidates }) => candidates.length))).toBe(32);
  expect(decisions.some(isWonByDark)).toBe(true);
});

describe('knows of the candidates that are not told', () => {
  const MINUTE_MS = 60_000;

  function setUp(count: number) {
    const world = {
      nowMs: T0 * 1000,
      fleet: Array.from({ length: count }, (_, number) => instance(`10.0.0.${number}`)),
      used: (number: number) => 1.5 + number / 50,
      view(): FleetView {
        const atS = world.nowMs / 1000;
        const samples = world.fleet
          .slice(0, count)
          .map(({ id }, number): [string, Partial<Sample>] => [
            id,
            { atS, cpuCores: world.used(number), memoryBytes: 1e9 },
          ]);
        return { list: fleetList(...world.fleet), load: loadReport(Object.fromEntries(samples)), degraded: [] };
      },
    };
    const { serve, lines } = loggedService(server.client, world, Math.random);
    let games = 0;
    async function assign() {
      games += 1;
      const game = { gameId: `game-${games}`, attempt: 'a', deadlineMs: world.nowMs + 5000 };
      await serve([{ op: 'assign', level: 'low', ...game }], noLimit());
    }
    return { world, assign, lines };
  }

  it('their median, by which a newcomer is held back', async () => {
    const { world, assign, lines } = setUp(60);
    await assign();
    world.fleet = [...world.fleet, instance('newcomer')];
    await assign();
    world.nowMs += 50_000;
    await assign();

    expect(decisionsIn(lines).map(({ winner }) => winner)).toEqual(['10.0.0.0', expect.anything(), 'newcomer']);
    expect(await replayLines(lines)).toMatchObject({ decisions: 3, different: 0 });
  });

  it('how many have samples, by which it is told whether the load is of games', async () => {
    const { world, assign, lines } = setUp(60);
    // Some 50 games of ours: more than are told, and fewer than there are servers.
    for (let call = 0; call < 60; call += 1) {
      world.nowMs += MINUTE_MS;
      for (let games = 0; games < 4; games += 1) await assign();
    }

    // The fifth of the averages, see place.lua.
    const averages = decisionsIn(lines).at(-1)?.averages;
    const sessions = Array.isArray(averages) ? averages[4] : undefined;
    expect(sessions).toBeGreaterThan(32);
    expect(sessions).toBeLessThan(60);
    expect(await replayLines(lines)).toMatchObject({ different: 0 });
  });
});

describe('finds', () => {
  const another = ({ candidates, winner }: DecisionLine) => candidates.find(({ id }) => id !== winner)?.id;

  it.each<[what: string, change: (line: DecisionLine) => object | undefined]>([
    ['another winner', (line) => (line.winner ? { winner: another(line) } : undefined)],
    ['another runner-up', ({ winner, runner_up }) => (runner_up ? { runner_up: winner } : undefined)],
    [
      'another score in its last digit',
      ({ winner_score: score }) => (score ? { winner_score: score * (1 + 2 ** -52) } : undefined),
    ],
    ['another outcome', ({ outcome }) => (outcome === 'placed' ? { outcome: 'no_capacity' } : undefined)],
    ['another level', ({ level, winner }) => (winner ? { level: level === 'low' ? 'high' : 'low' } : undefined)],
    [
      'another state of the winner',
      (line) => {
        const { winner, candidates } = line;
        if (winner === undefined || isWonByDark(line)) return undefined;
        return {
          candidates: candidates.map(({ id, state }) => ({
            id,
            // Games' worth of CPU placed since the sample, which count nothing where it is dark.
            state: id === winner && Array.isArray(state) ? state.with(5, state[5] + 0.001) : state,
          })),
        };
      },
    ],
  ])('%s', async (_, change) => {
    const { different, differences } = await replayLines(tampered(short, change));

    expect(different).toBe(1);
    expect(differences[0]?.now).not.toEqual(differences[0]?.logged);
  });

  it('that the rule is another one', async () => {
    const source = loadScript().source.replace('OTHER_WEIGHT = 0.25', 'OTHER_WEIGHT = 0.3');
    const script = { source, sha1: createHash('sha1').update(source).digest('hex') };

    expect((await replayLines(short, { script })).different).toBeGreaterThan(50);
  });
});

it('leaves out what it has no snapshot of, and lines that are cut off', async () => {
  const snapshot = short.findIndex((line) => line.startsWith('{"kind":"fleet_snapshot"'));
  const missing = short
    .filter((_, index) => index !== snapshot)
    .map((line, index) => (index === 99 ? line.slice(0, -9) : line));

  const replayed = await replayLines(missing);

  expect(replayed.different).toBe(0);
  expect(replayed.without_snapshot).toBeGreaterThan(0);
  expect(replayed.unreadable).toBe(1);
});

it('does not mind in which order lines of several processes come', async () => {
  const snapshots = short.filter((line) => line.startsWith('{"kind":"fleet_snapshot"'));
  const decisions = short.filter((line) => !snapshots.includes(line));

  const replayed = await replayLines([...decisions, ...snapshots]);

  expect(replayed).toMatchObject({ decisions: decisions.length, different: 0, without_snapshot: 0 });
});

it('leaves nothing behind, and touches nothing', async () => {
  const before = await server.redis.dbsize();
  const [key = ''] = await server.redis.keys('*');
  const dump = await server.redis.dumpBuffer(key);

  await replayLines(short);

  expect(await server.redis.dbsize()).toBe(before);
  expect(await server.redis.dumpBuffer(key)).toEqual(dump);
});

describe('the command', () => {
  async function run(text: string, ...args: string[]) {
    const folder = await mkdtemp(join(tmpdir(), 'replay-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'a.log');
    await writeFile(file, text);
    const printed: string[] = [];
    const output = {
      write: async (part: string) => void printed.push(part),
      isTerminal: false,
      colour: false,
      size: () => ({ columns: 80, rows: 24 }),
    };
    const io: Io = { env: {}, stdout: output, stderr: output, signal: new AbortController().signal };
    const code = await replay.run([file, '--redis', redisUrl, ...args], io);
    return { code, printed: printed.join('') };
  }
  const anotherWinner = () => tampered(short, (line) => (line.winner ? { winner: '10.9.9.9' } : undefined));

  it('exits 0 where there is no difference', async () => {
    const { code, printed } = await run(short.join('\n'));

    expect(printed).toMatch(/^\d+ decisions made again: 0 differences\n {2}as logged: \d+ placed/);
    expect(code).toBe(0);
  });

  it('exits 1 where there is one, and shows it', async () => {
    const { code, printed } = await run(anotherWinner().join('\n'));

    expect(printed).toMatch(
      /: 1 difference\n[\s\S]*\n\S+Z game-\d+ \((low|high)\): 10\.9\.9\.9 0\.\d+.*; now 10\.0\.0\.\d+ 0\.\d+/,
    );
    expect(code).toBe(1);
  });

  it('says the same as JSON', async () => {
    const { code, printed } = await run(anotherWinner().join('\n'), '--json');

    expect(JSON.parse(printed)).toMatchObject({ different: 1, differences: [{ logged: { winner: '10.9.9.9' } }] });
    expect(code).toBe(1);
  });

  it('shows only so many', async () => {
    const { printed } = await run(short.join('\n'), '--set', 'GAME_CPU_CORES=2', '--most', '1');

    expect(printed).toMatch(/\n\.\.\. and \d+ more\n$/);
  });

  it('tells what another setting would have come to', async () => {
    const same = await run(short.join('\n'), '--set', 'GAME_CPU_CORES=0.12');
    const other = await run(short.join('\n'), '--set', 'STRATEGY=pack', '--set', 'PACK_CEILING=0.9', '--json');

    expect(same.code).toBe(0);
    expect(JSON.parse(other.printed).different).toBeGreaterThan(10);
  });

  it.each([
    ['the lines of an application', (line: string) => `2026-11-25T16:00:00.000Z INFO served\n${line}`],
    ['docker compose logs', (line: string) => `relay-1  | ${line}`],
    ['aws logs tail', (line: string) => `2026-11-25T16:00:00.000000+00:00 2026/11/25/[$LATEST]0a1b ${line}`],
    ['an export of CloudWatch as JSON', (line: string) => `    "message": ${JSON.stringify(`${line}\n`)},`],
    ['an export of CloudWatch Insights as CSV', (line: string) => `2026-11-25,"${line.replaceAll('"', '""')}"`],
    ["Docker's own files", (line: string) => JSON.stringify({ log: `${line}\n`, stream: 'stdout', time: 'now' })],
  ])('reads %s', async (_, wrap) => {
    const { code, printed } = await run(short.map(wrap).join('\n'));

    expect(printed).toMatch(/^1\d\d decisions made again: 0 differences/);
    expect(printed).not.toContain('left out');
    expect(code).toBe(0);
  });

  it('does not take a file without decisions for one without differences', async () => {
    await expect(run('{"level":"INFO"}\n')).rejects.toThrow(/DECISION_LOG/);
  });

  it('says so where there is no such file', async () => {
    const io = {} as Io;

    await expect(replay.run(['/nowhere/a.log'], io)).rejects.toThrow('/nowhere/a.log cannot be read.');
  });

  it('says so where there is no Redis', async () => {
    const stopped = await startRedis();
    await stopped.stop();

    await expect(run(short.join('\n'), '--redis', stopped.url)).rejects.toThrow(CannotGoOn);
  });

  it.each([
    [[], /Which FILE/],
    [['a.log', 'b.log'], /b\.log/],
    [['a.log', '--nonsense'], /--nonsense/],
    [['a.log', '--most', '-1'], /--most/],
  ])('refuses the arguments %j', async (args, message) => {
    const wrong = replay.run(args, {} as Io);

    await expect(wrong).rejects.toThrow(message);
    await expect(wrong).rejects.toThrow(WrongUsage);
  });

  it.each([
    ['--redis', 'localhost:6379'],
    ['--set', 'GAME_CACHE_TTL=3'],
    ['--set', 'PACK_CEILING=much'],
  ])('refuses %s %s', async (...args) => {
    await expect(run(short.join('\n'), ...args)).rejects.toThrow(WrongUsage);
  });
});
