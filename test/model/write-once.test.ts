import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PlacementServer, startPlacementServer } from '../support/placement-service.ts';
import { anyCommands } from './commands.ts';
import { Register } from './register.ts';
import { createWorld } from './world.ts';

/** Each a stream of histories of its own, the same in every run. A seed that has found something stays here. */
const SEEDS = [20261125, 7, 1969];
const RUNS_OF_A_SEED = 30;
/** With MODEL_SECONDS=60 it goes on for so long with a new seed, which fast-check prints where it fails. */
const EXTRA_MS = Number(process.env['MODEL_SECONDS'] ?? 0) * 1000;

let server: PlacementServer;

beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server.stop());

let seen: Record<string, number> = {};

/** Any history of assigns, retries, releases, losses and failures is one that a write-once register could have had. */
const writeOnce = fc.asyncProperty(anyCommands, async (commands) => {
  const register = new Register();
  await fc.asyncModelRun(() => ({ model: register, real: createWorld(server) }), commands);
  for (const [what, times] of Object.entries(register.seen)) seen[what] = (seen[what] ?? 0) + times;
});

it.each(SEEDS)('every game is a write-once register, whatever is repeated, lost or gone (seed %i)', async (seed) => {
  seen = {};

  await fc.assert(writeOnce, { seed, numRuns: RUNS_OF_A_SEED });

  // It was about all that can happen.
  expect(Math.min(...['placed', 'moved', 'full', 'lateRetries'].map((what) => seen[what] ?? 0))).toBeGreaterThan(0);
});

if (EXTRA_MS > 0) {
  it('and with a new seed', { timeout: EXTRA_MS + 60_000 }, async () => {
    await fc.assert(writeOnce, { numRuns: 1e6, interruptAfterTimeLimit: EXTRA_MS });
  });
}
