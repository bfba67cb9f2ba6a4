import type { HandlerOptions } from './adapters/lambda/create-handler.ts';
import { createLog } from './adapters/log/create-log.ts';
import type { Env } from './config/env.ts';
import { readLogConfig } from './config/log-config.ts';

/**
 * What a function needs that anybody may ask and that asks nobody. Apart from compose.ts, so that the clients of the
 * outside systems stay out of its zip. Throws ConfigError.
 */
export function composeHealth(env: Env): { readonly service: string; readonly handler: HandlerOptions } {
  const config = readLogConfig(env);
  const nobody = () => Promise.resolve({ code: 'unauthorised' } as const);
  return { service: config.service, handler: { clock: Date.now, log: createLog(config), authorise: nobody } };
}
