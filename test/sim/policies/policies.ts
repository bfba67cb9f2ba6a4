import { createRandomPolicy, createRoundRobin } from './blind.ts';
import { createFewestSessions } from './fewest-sessions.ts';
import { createLeastLoaded, createPowerOfTwo, createThresholdRoundRobin } from './measured.ts';
import { createOracle } from './oracle.ts';
import type { Policy, Surroundings } from './policy.ts';

/** What this project's own goes by; it needs a Redis, so it is made elsewhere. */
export const PRODUCT = 'product';
/** What all are compared with. */
export const ORACLE = 'oracle';

/** Those that need nothing but this process, by name. */
export const SIMPLE_POLICIES: Readonly<Record<string, (surroundings: Surroundings) => Policy>> = {
  'least-loaded': createLeastLoaded,
  'threshold-round-robin': createThresholdRoundRobin,
  random: createRandomPolicy,
  'round-robin': createRoundRobin,
  'power-of-two': createPowerOfTwo,
  'fewest-sessions': createFewestSessions,
  [ORACLE]: createOracle,
};

/** In the order of the table. */
export const POLICY_NAMES: readonly string[] = [...Object.keys(SIMPLE_POLICIES), PRODUCT];
