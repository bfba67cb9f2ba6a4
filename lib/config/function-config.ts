import * as z from 'zod/mini';
import { MOST_TOKENS, readTokens } from '../api/bearer-tokens.ts';
import { type AllocatorConfig, AllocatorVariables, toAllocatorConfig } from './allocator-config.ts';
import { ConfigError, defaulted, type Env, flag, httpUrl, readEnv, text } from './env.ts';
import { type LogConfig, LogVariables, toLogConfig } from './log-config.ts';

export const FunctionVariables = z.object({
  ...LogVariables,
  ...AllocatorVariables,
  UPSTASH_REDIS_REST_URL: httpUrl(),
  /** Lets everybody in over HTTP, without a token. */
  ALLOW_ANONYMOUS: defaulted(flag(), false),
  /** Where this runs, as it was deployed. */
  STAGE: z.optional(text()),
});

/** The only stage at which the door may stand open: that of a developer's machine. */
const LOCAL_STAGE = 'local';

export interface FunctionConfig {
  readonly log: LogConfig;
  readonly allocator: AllocatorConfig;
  readonly upstashUrl: URL;
  /** Whether nobody needs a token. */
  readonly anonymous: boolean;
  /** Where it is deployed; undefined on a developer's machine. */
  readonly deployedStage: string | undefined;
}

/** A deployed function's configuration. Throws ConfigError, also without Upstash: a function reaches no TCP Redis. */
export function readFunctionConfig(env: Env): FunctionConfig {
  const variables = readEnv(FunctionVariables, env);
  const problems = [...contradictions(variables)];
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    log: toLogConfig(variables),
    allocator: toAllocatorConfig(variables),
    upstashUrl: variables.UPSTASH_REDIS_REST_URL,
    anonymous: variables.ALLOW_ANONYMOUS,
    deployedStage: variables.STAGE === LOCAL_STAGE ? undefined : variables.STAGE,
  };
}

/** What is valid by itself and not together. */
function* contradictions(variables: z.infer<typeof FunctionVariables>): Generator<string> {
  if (variables.UPSTASH_REDIS_REST_TOKEN === undefined && variables.SSM_PATH === undefined) {
    yield 'UPSTASH_REDIS_REST_TOKEN is required where there is no SSM_PATH.';
  }
  if (variables.ALLOW_ANONYMOUS && variables.STAGE !== LOCAL_STAGE) {
    yield `ALLOW_ANONYMOUS must not be true unless STAGE is ${LOCAL_STAGE}.`;
  }
  // A third one would let nobody in, and its owner would look for the reason elsewhere.
  if (readTokens(variables.API_TOKENS).ignored > 0) {
    yield `API_TOKENS must have at most ${MOST_TOKENS} tokens.`;
  }
}
