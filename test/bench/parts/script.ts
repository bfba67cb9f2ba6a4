import { startRedis } from '../../../dev/servers/redis.ts';
import { createRedisClient } from '../../../lib/adapters/redis/redis-client.ts';
import type { Candidate, PlacementRequest } from '../../../lib/app/placement.ts';
import { createCandidateWalk } from '../../../lib/domain/candidate-walk.ts';
import { createLuaPlacement } from '../../../lib/placement/lua-placement.ts';
import { candidate, placementConfig, requests, T0 } from '../../support/placement.ts';
import type { Bench } from '../bench.ts';
import { commandsBetween, costBetween, openRedisStats, type RedisStats } from '../redis-stats.ts';
import { short, withSpread } from '../report.ts';
import { median, ratios, shuffled } from '../statistics.ts';

const BATCH = 64;
const SCRAPE_S = 15;
/** A view lives this long; the samples of a call are those of the view. */
const VIEW_MS = 2000;
/** More than the whole run places within a lease. */
const MOST_GAMES = 100_000;

interface Case {
  readonly instances: number;
  readonly batch: number;
  readonly capacity: boolean;
  readonly calls: number;
  readonly run: (calls: number) => Promise<void>;
  readonly us: number[];
  readonly commands: number[];
}

/** (h) What the placement script costs the Redis that runs it, with the candidates that the product passes. */
export async function runScript({ pace, report, progress, started }: Bench): Promise<void> {
  const server = await started(startRedis());
  const client = createRedisClient({ host: '127.0.0.1', port: server.port, db: 0, password: () => undefined });
  const stats = openRedisStats(server.url);
  const cases = [30, 300, 3000].flatMap((instances) => [1, BATCH].map((batch) => createCase(instances, batch, false)));
  cases.push(createCase(30, BATCH, true));

  try {
    for (const each of cases) await each.run(each.calls);
    for (let round = 0; round < pace.scriptRounds; round += 1) {
      progress(`script: round ${round + 1} of ${pace.scriptRounds}`);
      for (const each of shuffled(cases)) await measure(each, stats);
    }
  } finally {
    stats.close();
    client.close();
    await server.stop();
  }
  tell(cases, report);

  function createCase(instances: number, batch: number, capacity: boolean): Case {
    const placement = createLuaPlacement(client, placementConfig({ scrapeIntervalS: SCRAPE_S }), Date.now);
    const walk = createCandidateWalk(Math.random);
    const viewOf = createViews(instances, capacity);
    async function run(calls: number): Promise<void> {
      for (let call = 0; call < calls; call += 1) {
        const { fleet, newestSampleS } = viewOf(Date.now());
        const candidates = walk(fleet, batch);
        const games = newRequests(batch);
        const { results } = await placement.place(
          { candidates, newestSampleS, requests: games },
          AbortSignal.timeout(5000),
        );
        const wrong = results.find(({ kind }) => kind !== 'placed');
        if (wrong !== undefined) throw new Error(`The script answered ${wrong.kind} with ${instances} instances.`);
      }
    }
    return { instances, batch, capacity, calls: batch === 1 ? 300 : 50, run, us: [], commands: [] };
  }
}

async function measure({ calls, run, us, commands }: Case, stats: RedisStats): Promise<void> {
  const before = await stats.read();
  await run(calls);
  const after = await stats.read();
  const cost = costBetween('evalsha', before, after);
  us.push(cost.us / cost.calls);
  commands.push(commandsBetween(before, after) / cost.calls);
}

function tell(cases: readonly Case[], report: Bench['report']): void {
  for (const { instances, batch, capacity, us } of cases) {
    if (!capacity) report.figure(`script_us_${batch === 1 ? 'single' : 'batch64'}_n${instances}`, median(us));
  }
  const usOf = (instances: number) => cases.find((one) => one.instances === instances && one.batch === 1)?.us ?? [];
  report.ratio('script_n3000_over_n30_single', ratios(usOf(3000), usOf(30)));
  const commandsOf = (capacity: boolean) =>
    median(cases.find((one) => one.batch === BATCH && one.capacity === capacity)?.commands ?? []);
  report.figure('script_commands_per_batch64', commandsOf(false));
  report.figure('script_commands_per_batch64_max_games', commandsOf(true));
  report.table(
    "The placement script, by the Redis server's own statistics",
    ['instances', 'requests a call', 'max_games', 'us a call', 'us a game', 'commands a call'],
    cases.map(({ instances, batch, capacity, us, commands }) => [
      String(instances),
      String(batch),
      capacity ? 'yes' : 'no',
      withSpread(us),
      short(median(us) / batch),
      short(median(commands)),
    ]),
  );
}

/** Fleets as a view has them: each instance scraped every 15 s at a time of its own, all read again every 2 s. */
function createViews(instances: number, capacity: boolean) {
  const fleet = Array.from({ length: instances }, (_, index) => {
    const { instance } = candidate(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);
    return { instance: capacity ? { ...instance, maxGames: MOST_GAMES } : instance, phaseS: Math.random() * SCRAPE_S };
  });
  let view: { readonly fleet: readonly Candidate[]; readonly newestSampleS: number; readonly atMs: number } | undefined;

  return (nowMs: number) => {
    if (view === undefined || nowMs - view.atMs >= VIEW_MS) {
      const sampled = fleet.map(({ instance, phaseS }): Candidate => {
        const sinceS = nowMs / 1000 - T0 - phaseS;
        const atS = T0 + phaseS + Math.floor(sinceS / SCRAPE_S) * SCRAPE_S;
        return { instance, sample: { atS, cpuCores: 0.5 + Math.random(), memoryBytes: 1e9 * (1 + Math.random()) } };
      });
      const newestSampleS = Math.max(...sampled.map(({ sample }) => sample?.atS ?? 0));
      view = { fleet: sampled, newestSampleS, atMs: nowMs };
    }
    return view;
  };
}

function newRequests(count: number): PlacementRequest[] {
  const deadlineMs = Date.now() + 5000;
  return requests(count).map((request) => ({ ...request, gameId: crypto.randomUUID(), deadlineMs }));
}
