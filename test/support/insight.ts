import type { AssignmentExplanation, FleetReport } from '../../lib/app/insight-results.ts';
import type { CandidateExplanation } from '../../lib/app/placement.ts';
import { instance, NOW_MS } from './fakes.ts';

/** What people see who look into the allocator, and the reply that tells it, without `success`. */

const FIGURES: CandidateExplanation = {
  ...{ instanceId: '10.0.0.3', state: 'sampled', score: 0.512345, cpu: 0.412345, ram: 0.3 },
  ...{ cpuNow: 0.38, ramNow: 0.29, cpuPending: 1.256789, ramPending: 1, games: 7, sampleAgeS: 3.21 },
  recent: [3, 0, 0, 1, 0, 0, 0, 0, 0, 0],
};

export const REPORT: FleetReport = {
  ...{ serviceName: 'game-service', atMs: NOW_MS, failing: ['10.0.0.9'] },
  sources: {
    consul: { state: 'ok', ageMs: 812.7 },
    prometheus: { state: 'degraded', ageMs: 4000 },
    redis: { state: 'ok' },
  },
  rule: { gameCpuCores: 0.12, gameMemoryBytes: 113e6, recentAtS: 1_772_366_400 },
  instances: [
    {
      instance: instance('10.0.0.3', { maxGames: 20 }),
      measured: { sample: { atS: NOW_MS / 1000 - 3.2, cpuCores: 1.234567, memoryBytes: 1e9 + 0.4 }, ageS: 3.2 },
      figures: FIGURES,
    },
    { instance: instance('10.0.0.4', { status: 'listed', draining: true }) },
    { instance: instance('10.0.0.5', { status: 'listed' }) },
  ],
};

const SIZE = { port: 5002, cpu_cores: 4, memory_bytes: 8 * 1024 ** 3 };

export const FLEET_REPLY = {
  ...{ service: 'game-service', at_ms: NOW_MS, degraded: ['prometheus'], failing: ['10.0.0.9'] },
  sources: {
    consul: { state: 'ok', age_ms: 813 },
    prometheus: { state: 'degraded', age_ms: 4000 },
    redis: { state: 'ok' },
  },
  game: { cpu_cores: 0.12, memory_bytes: 113e6 },
  recent: { bucket_s: 30, newest_at_s: 1_772_366_400 },
  instances: [
    {
      ...{ instance_id: '10.0.0.3', status: 'eligible', ...SIZE, max_games: 20 },
      ...{ cpu_used: 1.2346, memory_used: 1e9, sample_age_s: 3.2 },
      ...{ state: 'sampled', cpu: 0.38, ram: 0.29, cpu_pending: 1.2568, ram_pending: 1, games: 7 },
      recent: FIGURES.recent,
    },
    { instance_id: '10.0.0.4', status: 'draining', ...SIZE },
    { instance_id: '10.0.0.5', status: 'not_taking', ...SIZE },
  ],
};

export const EXPLANATION: AssignmentExplanation = {
  ...{ serviceName: 'game-service', atMs: NOW_MS, decision: 'placed', instanceId: '10.0.0.3', message: 'Why not.' },
  ...{ gameCpuCores: 0.12, gameMemoryBytes: 113e6, degraded: ['consul'] },
  instances: [
    { instanceId: '10.0.0.3', reason: 'chosen', figures: FIGURES },
    { instanceId: '10.0.0.9', reason: 'failing' },
  ],
};

export const EXPLAIN_REPLY = {
  ...{ service: 'game-service', at_ms: NOW_MS, degraded: ['consul'], decision: 'placed', instance_id: '10.0.0.3' },
  message: 'Why not.',
  game: { cpu_cores: 0.12, memory_bytes: 113e6 },
  candidates: [
    {
      ...{ instance_id: '10.0.0.3', reason: 'chosen', state: 'sampled', score: 0.5123, cpu: 0.4123, ram: 0.3 },
      ...{ cpu_pending: 1.2568, ram_pending: 1, games: 7, sample_age_s: 3.21 },
    },
    { instance_id: '10.0.0.9', reason: 'failing' },
  ],
};
