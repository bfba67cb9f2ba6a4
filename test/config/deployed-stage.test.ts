import { expect, it } from 'vitest';
import { readFunctionConfig } from '../../lib/config/function-config.ts';

const ENV = { UPSTASH_REDIS_REST_URL: 'https://example.upstash.io', UPSTASH_REDIS_REST_TOKEN: 'x' };

it.each([
  ['prod', 'prod'],
  ['local', undefined],
  ['', undefined],
])('STAGE=%s is deployed as %s', (STAGE, deployedStage) => {
  expect(readFunctionConfig({ ...ENV, STAGE }).deployedStage).toBe(deployedStage);
});
