import * as z from 'zod/mini';
import { type AllocatorConfig, AllocatorVariables, toAllocatorConfig } from './allocator-config.ts';
import { ConfigError, type Env, httpUrl, readEnv } from './env.ts';
import { type LogConfig, LogVariables, toLogConfig } from './log-config.ts';

const FunctionVariables = z.object({ ...LogVariables, ...AllocatorVariables, UPSTASH_REDIS_REST_URL: httpUrl() });

export interface FunctionConfig {
  readonly log: LogConfig;
  readonly allocator: AllocatorConfig;
  readonly upstashUrl: URL;
}

/** A deployed function's configuration. Throws ConfigError, also without Upstash: a function reaches no TCP Redis. */
export function readFunctionConfig(env: Env): FunctionConfig {
  const variables = readEnv(FunctionVariables, env);
  if (variables.UPSTASH_REDIS_REST_TOKEN === undefined && variables.SSM_PATH === undefined) {
    throw new ConfigError(['UPSTASH_REDIS_REST_TOKEN is required where there is no SSM_PATH.']);
  }
  return {
    log: toLogConfig(variables),
    allocator: toAllocatorConfig(variables),
    upstashUrl: variables.UPSTASH_REDIS_REST_URL,
  };
}
