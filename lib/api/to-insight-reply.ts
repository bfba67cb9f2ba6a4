import type { AssignmentExplanation, FleetReport, ReportedInstance } from '../app/insight-results.ts';
import { type CandidateExplanation, type Explanation, RECENT_BUCKET_S } from '../app/placement.ts';
import type { Instance, SourceState } from '../domain/fleet.ts';
import type {
  ExplainedCandidate,
  ExplainReply,
  FleetInstance,
  FleetReply,
  GameUse,
  SourceReport,
} from './insight-replies.ts';

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
    ...(rule && { game: toGameUse(rule), recent: { bucket_s: RECENT_BUCKET_S, newest_at_s: rule.recentAtS } }),
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
