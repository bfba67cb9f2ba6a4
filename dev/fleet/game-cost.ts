import { createHash } from 'node:crypto';
import type { Load } from './fleet-types.ts';

const CPU_MEDIAN_CORES = 0.1;
const CPU_SIGMA = 0.6;
const MEMORY_MEDIAN_BYTES = 100e6;
const MEMORY_SIGMA = 0.5;
/** A match fills up: its use grows evenly to the full cost over this time. */
export const RAMP_MS = 5000;

/** What a game costs at full size: lognormal over all ids, and always the same for one id, so runs can be repeated. */
export function gameCost(gameId: string): Load {
  const digest = createHash('sha256').update(gameId).digest();
  // (0, 1]: the logarithm of 0 would be infinite.
  const uniform = (digest.readUInt32BE(0) + 1) / 2 ** 32;
  const angle = (2 * Math.PI * digest.readUInt32BE(4)) / 2 ** 32;
  // Box-Muller makes two independent normal draws out of two uniform ones.
  const radius = Math.sqrt(-2 * Math.log(uniform));
  return {
    cpuCores: CPU_MEDIAN_CORES * Math.exp(CPU_SIGMA * radius * Math.cos(angle)),
    memoryBytes: MEMORY_MEDIAN_BYTES * Math.exp(MEMORY_SIGMA * radius * Math.sin(angle)),
  };
}
