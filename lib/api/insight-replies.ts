import type { AssignmentExplanation } from '../app/explain-assignment.ts';
import type { FleetReport, ReportedInstance } from '../app/fleet-report.ts';
import type { CandidateExplanation, CandidateState, Explanation } from '../app/placement.ts';
import type { CandidateReason } from '../domain/candidate-ranking.ts';
import type { Decision } from '../domain/decision-in-words.ts';
import type { Instance, SourceState } from '../domain/fleet.ts';

/** The reply to `fleet`: what the allocator sees, and what the rule goes by. Shares are of an instance's capacity. */
export interface FleetReply {
  readonly success: true;
  readonly service: string;
  /** When this was put together, ms since 1970. */
  readonly at_ms: number;
  /** The sources that are degraded. */
  readonly degraded?: readonly string[];
  readonly sources: Readonly<Record<'consul' | 'prometheus' | 'redis', SourceReport>>;
  /** What one game is expected to use; absent without Redis. */
  readonly game?: GameUse;
  /** What `recent` of an instance is counted in: buckets, and when the newest began, s since 1970; absent without Redis. */
  readonly recent?: { readonly bucket_s: 30; readonly newest_at_s: number };
  /** Ids of instances whose checks fail, at most 100. */
  readonly failing: readonly string[];
  /** In the order of their ids. */
  readonly instances: readonly FleetInstance[];
}

export interface SourceReport {
  readonly state: SourceState['state'];
  /** Age of what is used of it; absent: nothing is kept of it. */
  readonly age_ms?: number;
}

export interface GameUse {
  readonly cpu_cores: number;
  readonly memory_bytes: number;
}

export interface FleetInstance extends GameFigures {
  readonly instance_id: string;
  readonly port?: number;
  /** `not_taking`: in maintenance, or with a warning. */
  readonly status: 'eligible' | 'draining' | 'not_taking';
  /** What it can carry. */
  readonly cpu_cores: number;
  readonly memory_bytes: number;
  readonly max_games?: number;
  /** As measured: cores, bytes, and how long ago, s; absent: it has no complete sample. */
  readonly cpu_used?: number;
  readonly memory_used?: number;
  readonly sample_age_s?: number;
  /** Games placed in each of the last 10 buckets, the newest first. */
  readonly recent?: readonly number[];
}

/** What the rule knows of an instance; absent where it did not look, or Redis could not be asked. */
interface GameFigures {
  readonly state?: CandidateState;
  /** Expected use as shares of its capacity: of `fleet` as it is, of `explain` with the game. */
  readonly cpu?: number;
  readonly ram?: number;
  /** Games' worth that its sample does not show yet. */
  readonly cpu_pending?: number;
  readonly ram_pending?: number;
  /** Games that hold a place on it. */
  readonly games?: number;
}

/** The reply to `explain`: what the same assign would come to now. */
export interface ExplainReply {
  readonly success: true;
  readonly service: string;
  readonly at_ms: number;
  readonly degraded?: readonly string[];
  readonly decision: Decision;
  /** With `placed` and `recorded`. */
  readonly instance_id?: string;
  /** One sentence for people: why. */
  readonly message: string;
  readonly game: GameUse;
  /** Every instance, the best first. */
  readonly candidates: readonly ExplainedCandidate[];
}

export interface ExplainedCandidate extends GameFigures {
  readonly instance_id: string;
  readonly reason: CandidateReason;
  readonly score?: number;
  readonly sample_age_s?: number;
}

const BUCKET_S = 30;

export function toFleetReply({ serviceName, atMs, sources, rule, failing, instances }: FleetReport): FleetReply {
  const names = ['consul', 'prometheus', 'redis'] as const;
  const degraded = names.filter((name) => sources[name].state === 'degraded');
  return {
    success: true,
    service: serviceName,
    at_ms: atMs,
    ...(degraded.length > 0 && { degraded }),
    sources: {
      consul: toSourceReport(sources.consul),
      prometheus: toSourceReport(sources.prometheus),
      redis: toSourceReport(sources.redis),
    },
    ...(rule && { game: toGameUse(rule), recent: { bucket_s: BUCKET_S, newest_at_s: rule.recentAtS } }),
    failing,
    instances: instances.map(toFleetInstance),
  };
}

export function toExplainReply(explanation: AssignmentExplanation): ExplainReply {
  const { serviceName, atMs, degraded, decision, instanceId, message, instances } = explanation;
  return {
    success: true,
    service: serviceName,
    at_ms: atMs,
    ...(degraded.length > 0 && { degraded }),
    decision,
    ...(instanceId !== undefined && { instance_id: instanceId }),
    message,
    game: toGameUse(explanation),
    candidates: instances.map(
      ({ instanceId, reason, figures }): ExplainedCandidate => ({
        instance_id: instanceId,
        reason,
        ...(figures && {
          ...toFigures(figures, figures.cpu, figures.ram),
          ...(figures.score !== undefined && { score: brief(figures.score) }),
          ...(figures.sampleAgeS !== undefined && { sample_age_s: brief(figures.sampleAgeS) }),
        }),
      }),
    ),
  };
}

function toFleetInstance({ instance, measured, figures }: ReportedInstance): FleetInstance {
  const { id, port, cpuCores, memoryBytes, maxGames } = instance;
  return {
    instance_id: id,
    ...(port !== undefined && { port }),
    status: toStatus(instance),
    cpu_cores: cpuCores,
    memory_bytes: memoryBytes,
    ...(maxGames !== undefined && { max_games: maxGames }),
    ...(measured && {
      cpu_used: brief(measured.sample.cpuCores),
      memory_used: Math.round(measured.sample.memoryBytes),
      sample_age_s: brief(measured.ageS),
    }),
    ...(figures && { ...toFigures(figures, figures.cpuNow, figures.ramNow), recent: figures.recent }),
  };
}

function toStatus({ status, draining }: Instance): FleetInstance['status'] {
  if (status === 'eligible') return 'eligible';
  return draining ? 'draining' : 'not_taking';
}

function toFigures({ state, cpuPending, ramPending, games }: CandidateExplanation, cpu: number, ram: number) {
  return {
    state,
    cpu: brief(cpu),
    ram: brief(ram),
    cpu_pending: brief(cpuPending),
    ram_pending: brief(ramPending),
    games,
  };
}

function toSourceReport({ state, ageMs }: SourceState): SourceReport {
  return { state, ...(ageMs !== undefined && { age_ms: Math.round(ageMs) }) };
}

function toGameUse({ gameCpuCores, gameMemoryBytes }: GameCost): GameUse {
  return { cpu_cores: brief(gameCpuCores), memory_bytes: Math.round(gameMemoryBytes) };
}

type GameCost = Pick<Explanation, 'gameCpuCores' | 'gameMemoryBytes'>;

/** To four digits behind the point: a fleet of 3,000 is to fit into one message of NATS. */
function brief(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
