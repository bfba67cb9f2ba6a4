import { PRODUCT, SIMPLE_POLICIES } from './policies/policies.ts';
import { createProduct } from './policies/product.ts';
import { type ProductSettings, type RedisUnderTest, startRedisUnderTest } from './redis-placement.ts';
import type { Outcome } from './regret.ts';
import { type RunOptions, runScenario } from './run-scenario.ts';
import { findScenario } from './scenarios.ts';

export interface Settings extends ProductSettings {
  readonly hints: boolean;
}

/** One run, as it is given to a worker process. */
export interface Task {
  readonly scenario: string;
  readonly seed: number;
  readonly policy: string;
  readonly settings: Settings;
}

/** Runs tasks, one at a time; its Redis starts with the first that needs one. */
export function createTaskRunner() {
  let redis: Promise<RedisUnderTest> | undefined;
  return {
    async run({ scenario, seed, policy, settings }: Task, onSecond?: RunOptions['onSecond']): Promise<Outcome> {
      const what = findScenario(scenario);
      if (what === undefined) throw new Error(`no scenario ${scenario}`);
      const options: RunOptions = { timing: settings.timing, ...(onSecond && { onSecond }) };
      if (policy === PRODUCT) {
        redis ??= startRedisUnderTest();
        const placement = await (await redis).placement(settings);
        return runScenario(what, seed, (surroundings) => createProduct(surroundings, placement, settings), options);
      }
      const create = SIMPLE_POLICIES[policy];
      if (create === undefined) throw new Error(`no policy ${policy}`);
      return runScenario(what, seed, create, options);
    },
    async stop() {
      await (await redis)?.stop();
    },
  };
}
