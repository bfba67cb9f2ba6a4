import type { ExplainReply, FleetInstance, FleetReply, RelayReport } from '../../../functions/console/page/types.ts';

/** A fleet as the allocator would report it: `tick` moves every figure a bit, as a second would. */
export function fakeFleet(instances: number, tick = 0, more: Partial<FleetReply> = {}): FleetReply {
  const atMs = 1_780_000_000_000 + tick * 1000;
  return {
    success: true,
    service: 'game-service',
    at_ms: atMs,
    sources: {
      consul: { state: 'ok', age_ms: 400 + ((tick * 300) % 1500) },
      prometheus: { state: 'ok', age_ms: 200 + ((tick * 500) % 1800) },
      redis: { state: 'ok' },
    },
    game: { cpu_cores: 0.12, memory_bytes: 113_000_000 },
    recent: { bucket_s: 30, newest_at_s: Math.floor(atMs / 30_000) * 30 },
    failing: [],
    instances: Array.from({ length: instances }, (_, index) => fakeInstance(index, tick)),
    ...more,
  };
}

/** Every third one is larger; each 17th is draining, each 23rd full, each 29th without a sample. */
function fakeInstance(index: number, tick: number): FleetInstance {
  const cores = index % 3 === 2 ? 8 : 4;
  const memory = cores * 2 * 1024 ** 3;
  const cpu = 0.18 + 0.5 * wave(index * 1.7 + tick * 0.21);
  const ram = 0.15 + 0.6 * wave(index * 0.9 + tick * 0.13);
  const dark = index % 29 === 28;
  const full = index % 23 === 22;
  return {
    instance_id: `10.0.${Math.floor(index / 250)}.${(index % 250) + 1}`,
    port: 26_377,
    status: index % 17 === 16 ? 'draining' : 'eligible',
    cpu_cores: cores,
    memory_bytes: memory,
    max_games: 24,
    ...(dark
      ? {}
      : { cpu_used: cpu * cores, memory_used: ram * memory, sample_age_s: 1 + ((index * 7 + tick) % 50) / 10 }),
    state: dark ? 'dark' : full ? 'full' : 'sampled',
    cpu: cpu + 0.02 + 0.12 * wave(index + tick * 0.4),
    ram: ram + 0.01 + 0.06 * wave(index * 2 + tick * 0.3),
    cpu_pending: 1,
    ram_pending: 1,
    games: full ? 24 : Math.round(4 + 12 * wave(index * 1.3 + tick * 0.05)),
    recent: Array.from({ length: 10 }, (_, bucket) => Math.round(3 * wave(index * 0.7 + bucket * 1.9))),
  };
}

/** Between 0 and 1, the same for the same `at`. */
function wave(at: number): number {
  return (Math.sin(at) + 1) / 2;
}

/** The first of `instances` gets the game; each seventh is full. */
export function fakeExplanation(instances: number): ExplainReply {
  return {
    success: true,
    service: 'game-service',
    at_ms: 1_780_000_000_000,
    decision: 'placed',
    instance_id: '10.0.0.1',
    message: '10.0.0.1 has the lowest expected use: CPU 20 %, RAM 30 %; next is 10.0.0.2 with CPU 21 %, RAM 30 %.',
    game: { cpu_cores: 0.12, memory_bytes: 113_000_000 },
    candidates: Array.from({ length: instances }, (_, index) => ({
      instance_id: `10.0.0.${index + 1}`,
      reason: index === 0 ? 'chosen' : index % 7 === 6 ? 'full' : 'higher_score',
      state: 'sampled',
      score: 0.1 + index * 0.013,
      cpu: 0.2 + index * 0.01,
      ram: 0.3,
      games: index,
      sample_age_s: 2.1,
    })),
  };
}

export function fakeRelay(): RelayReport {
  return {
    success: true,
    at_ms: 1_780_000_000_000,
    uptime_s: 4000,
    version: '0.1.0',
    service: 'game-allocator-service',
    nats: 'serving',
    in_flight: 3,
    received: 123_456,
    failed: { no_capacity: 3, overloaded: 0 },
    rate_limited: 0,
    calls: 5021,
    hedged: 4,
    retried: 1,
    late_replies: 0,
    lost_replies: 0,
    upstream_failures: { refused: 0, connect: 0, reset: 2, timeout: 0, status: 0, invalid_body: 0 },
    rates: { requests_per_s: 412.4, failures_per_s: 0.1 },
    latency_ms: { p50: 2.3, p95: 8.7, p99: 31 },
  };
}
