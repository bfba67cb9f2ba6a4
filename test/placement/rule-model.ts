import type { Candidate, ResourceLevel } from '../../lib/app/placement.ts';
import type { PlacementConfig } from '../../lib/placement/lua-placement.ts';

/**
 * The placement rule a second time, written from its definition and not from the script: one request at a time, numbers
 * by their names, nothing cached. Slow, and only there for the script to be compared with.
 */
interface Known {
  sampledAt: number | undefined;
  used: Vector;
  pending: Vector;
  sinceSample: number;
  sessions: number;
  touchedAt: number;
  seenAt: number;
  darkSince: number | undefined;
}

type Vector = { cpu: number; ram: number };
type Resource = keyof Vector;

export function createRuleModel(config: PlacementConfig) {
  const known = new Map<string, Known>();
  const floor: Vector = { cpu: config.gameCost.low.cpuCores, ram: config.gameCost.low.memoryBytes };
  const scrape = config.scrapeIntervalS;
  const lag: Vector = { cpu: Math.max(5, 7.5 + (config.cpuWindowS - scrape) / 2), ram: 5 };
  const hidden: Vector = { cpu: 1, ram: 0.7 };
  const averages = { used: { cpu: 0, ram: 0 }, sessions: { cpu: 0, ram: 0 } };
  let newest = -1;
  let learnedAt: number | undefined;
  let called = false;

  function decayedSessions(state: Known, now: number) {
    return state.sessions * Math.exp((state.touchedAt - now) / 900);
  }

  return function choose(
    candidates: readonly Candidate[],
    fetchNewest: number | undefined,
    level: ResourceLevel,
    now: number,
  ) {
    const rows = candidates.map(({ instance, sample }) => {
      const state: Known = known.get(instance.id) ?? {
        sampledAt: undefined,
        used: { cpu: 0, ram: 0 },
        pending: { cpu: 0, ram: 0 },
        sinceSample: 0,
        sessions: 0,
        touchedAt: now,
        seenAt: now,
        darkSince: undefined,
      };
      known.set(instance.id, state);
      if (sample && (state.sampledAt === undefined || sample.atS > state.sampledAt)) {
        const gap = state.sampledAt === undefined ? 0 : sample.atS - state.sampledAt;
        const idle = Math.max(0, sample.atS - state.touchedAt - scrape);
        for (const k of ['cpu', 'ram'] as const) {
          const fading =
            state.pending[k] * Math.exp(-gap / lag[k]) + hidden[k] * state.sinceSample * Math.exp(-idle / lag[k]);
          state.pending[k] = idle > config.cpuWindowS ? 0 : fading;
        }
        state.sinceSample = 0;
        state.sampledAt = sample.atS;
        state.used = { cpu: sample.cpuCores, ram: sample.memoryBytes };
        state.darkSince = undefined;
        newest = Math.max(newest, sample.atS);
      }
      const capacity: Vector = { cpu: instance.cpuCores, ram: instance.memoryBytes };
      return { id: instance.id, state, sample, capacity };
    });
    newest = Math.max(newest, fetchNewest ?? -1);
    const isDark = ({ state, sample }: (typeof rows)[number]) =>
      state.sampledAt === undefined ||
      newest - state.sampledAt > 3 * scrape ||
      (sample === undefined && fetchNewest !== undefined && fetchNewest - state.sampledAt > 5) ||
      now - state.sampledAt > 600;
    const dark = rows.filter(isDark);
    const lit = rows.filter((row) => !isDark(row));
    for (const { state } of dark) state.darkSince ??= called ? now : now - 60;
    called = true;

    if (learnedAt === undefined || now - learnedAt >= 15) {
      const fade = Math.exp(-(learnedAt === undefined ? 15 : now - learnedAt) / 600);
      for (const k of ['cpu', 'ram'] as const) {
        const used = lit.reduce((sum, { state }) => sum + state.used[k], 0);
        const sessions = lit.reduce(
          (sum, { state }) => sum + Math.max(0, decayedSessions(state, now) - state.pending[k] - state.sinceSample),
          0,
        );
        averages.used[k] = averages.used[k] * fade + used * (1 - fade);
        averages.sessions[k] = averages.sessions[k] * fade + sessions * (1 - fade);
      }
      learnedAt = now;
    }
    const rawCost = (k: Resource) => (2 * averages.used[k] + 10 * floor[k]) / (averages.sessions[k] + 10);
    const isLearned = (k: Resource) => averages.sessions[k] >= lit.length;
    const costOf = (k: Resource) => (isLearned(k) ? Math.min(Math.max(rawCost(k), floor[k]), 10 * floor[k]) : floor[k]);
    // The game itself counts three times, at what games were seen to cost where that is less than the floor.
    const ownOf = (k: Resource) => (isLearned(k) ? 3 * Math.min(1, rawCost(k) / floor[k]) : 3);
    const cost: Vector = { cpu: costOf('cpu'), ram: costOf('ram') };
    const wanted: Resource = level === 'low' ? 'cpu' : 'ram';
    const other: Resource = level === 'low' ? 'ram' : 'cpu';

    const measured = ({ state, capacity }: (typeof rows)[number]) => {
      const e = (k: Resource) =>
        (state.used[k] + cost[k] * (state.pending[k] + state.sinceSample + ownOf(k))) / capacity[k];
      // CPU as the other resource: at most all of it, and half as much above 85 %.
      const share = other === 'cpu' ? Math.min(1, e(other)) : e(other);
      return e(wanted) + 0.25 * share + (other === 'cpu' ? 2 : 4) * Math.max(0, share - 0.85);
    };
    const remembered = ({ state, capacity }: (typeof rows)[number]) => {
      const r = (k: Resource) => (averages.used[k] + 5 * floor[k]) / (averages.sessions[k] + 10);
      const dh = Math.max(30, (900 * r('cpu')) / cost.cpu, (900 * r('ram')) / cost.ram);
      const age = Math.max(1, now - state.seenAt);
      const alive = Math.min(1, (dh * (1 - Math.exp(-age / dh))) / (900 * (1 - Math.exp(-age / 900))));
      const v = (k: Resource) => 1.4 * decayedSessions(state, now) * alive + ownOf(k);
      return (v(wanted) * cost[wanted]) / capacity[wanted] + (0.25 * v(other) * cost[other]) / capacity[other];
    };
    const sorted = lit.map(measured).toSorted((a, b) => a - b);
    const m = sorted.length;
    const median = sorted[Math.floor(m / 2)] ?? 0;
    const p90 = sorted[Math.min(m - 1, Math.floor(0.9 * m))] ?? 0;
    const scoreOf = (row: (typeof rows)[number]) => {
      if (!isDark(row)) return measured(row);
      const u = now - (row.state.darkSince ?? now);
      if (row.state.sampledAt === undefined) return Math.max(remembered(row), median * Math.max(0, 1 - u / 60));
      if (u <= 600) return Math.max(measured(row), u < 60 ? p90 : 0);
      return Math.max(remembered(row), measured(row) * Math.exp(-(u - 600) / 900));
    };
    const scores = rows.map(scoreOf);
    const winner = rows[scores.indexOf(Math.min(...scores))];
    if (winner === undefined) throw new Error('no candidates');
    winner.state.sessions = decayedSessions(winner.state, now) + 1;
    winner.state.touchedAt = now;
    winner.state.sinceSample += 1;
    const [best = 0, second = Number.POSITIVE_INFINITY] = scores.toSorted((a, b) => a - b);
    return { id: winner.id, lead: (second - best) / Math.max(1e-9, Math.abs(best)), dark: dark.length };
  };
}
