import { onTestFinished } from 'vitest';
import type { LambdaHostOptions } from '../../dev/lambda-host/start-lambda-host.ts';
import { startFunctions } from '../../dev/stack/start-parts.ts';
import type { Stack } from '../../dev/stack.ts';

/**
 * One more local Lambda with the stack's functions, for this test; `env` is added to their environment, or over it.
 * Gives its function URL.
 */
export async function startFunctionHost(
  { addresses }: Stack,
  env: Readonly<Record<string, string>>,
  options: LambdaHostOptions = {},
): Promise<string> {
  const own = {
    CONSUL_URL: addresses.consulUrl,
    PROMETHEUS_URL: addresses.prometheusUrl,
    UPSTASH_REDIS_REST_URL: addresses.upstashUrl,
    UPSTASH_REDIS_REST_TOKEN: addresses.upstashToken,
    API_TOKENS: addresses.assignToken,
    GAME_CACHE_TTL: '3600',
    LOG_FORMAT: 'json',
  };
  const { server, functionUrl } = await startFunctions({ ...options, env: { ...own, ...env } });
  onTestFinished(() => server.stop());
  return functionUrl;
}

/** A value of NODE_OPTIONS that makes a process run this code before its own. */
export function runFirst(code: string): string {
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}
