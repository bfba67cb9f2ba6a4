import * as z from 'zod/mini';
import { defaulted, type Env, flag, oneOf, readEnv, text } from './env.ts';

export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How any process of ours logs. */
export const LogVariables = {
  /** The allocator's own name, in log lines and in the NATS micro service registration. */
  SERVICE_NAME: defaulted(text(), 'game-allocator-service'),
  LOG_LEVEL: defaulted(oneOf(LOG_LEVELS), 'INFO'),
  LOG_FORMAT: defaulted(oneOf(['text', 'json']), 'text'),
  /** File and line of the code that logged. Off unless asked for: finding them costs a stack trace per line. */
  TRACE_CALLER: defaulted(flag(), false),
};

export interface LogConfig {
  readonly service: string;
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  readonly traceCaller: boolean;
}

export function toLogConfig(env: z.infer<z.ZodMiniObject<typeof LogVariables>>): LogConfig {
  return { service: env.SERVICE_NAME, level: env.LOG_LEVEL, format: env.LOG_FORMAT, traceCaller: env.TRACE_CALLER };
}

/** The configuration of a process that only logs. Throws ConfigError. */
export function readLogConfig(env: Env): LogConfig {
  return toLogConfig(readEnv(z.object(LogVariables), env));
}
