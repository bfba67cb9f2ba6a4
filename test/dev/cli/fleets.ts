import type { FleetInstance, FleetReply } from '../../../lib/api/insight-replies.ts';

/** The reply of an allocator that sees these. */
export function fleetOf(instances: readonly FleetInstance[], more: Partial<FleetReply> = {}): FleetReply {
  return {
    success: true,
    service: 'game-service',
    at_ms: Date.UTC(2026, 0, 1, 12, 34, 56),
    sources: {
      consul: { state: 'ok', age_ms: 1200 },
      prometheus: { state: 'degraded', age_ms: 31_000 },
      redis: { state: 'ok' },
    },
    game: { cpu_cores: 0.25, memory_bytes: 256 * 1024 ** 2 },
    recent: { bucket_s: 30, newest_at_s: 1_767_270_870 },
    failing: [],
    instances,
    ...more,
  };
}

/** One of 4 cores and 8 GiB, half of each in use as measured, and a game pending. */
export function instance(instance_id: string, more: Partial<FleetInstance> = {}): FleetInstance {
  return {
    instance_id,
    port: 5002,
    status: 'eligible',
    cpu_cores: 4,
    memory_bytes: 8 * 1024 ** 3,
    cpu_used: 2,
    memory_used: 4 * 1024 ** 3,
    sample_age_s: 3.21,
    state: 'sampled',
    cpu: 0.5625,
    ram: 0.53,
    cpu_pending: 1,
    ram_pending: 1,
    games: 7,
    recent: [0, 1, 2, 4, 8, 0, 0, 0, 0, 1],
    ...more,
  };
}
