import { expect, it } from 'vitest';
import { ConfigError } from '../../lib/config/env.ts';
import { readLogConfig } from '../../lib/config/log-config.ts';

it('needs no variable at all', () => {
  expect(readLogConfig({})).toEqual({
    service: 'game-allocator-service',
    level: 'INFO',
    format: 'text',
    traceCaller: false,
  });
});

it('reads every variable as the replaced service wrote it', () => {
  const env = { SERVICE_NAME: 'ours', LOG_LEVEL: 'debug', LOG_FORMAT: 'JSON', TRACE_CALLER: 'True' };

  expect(readLogConfig(env)).toEqual({ service: 'ours', level: 'DEBUG', format: 'json', traceCaller: true });
});

it('refuses what it cannot mean', () => {
  expect(() => readLogConfig({ LOG_LEVEL: 'canary' })).toThrow(ConfigError);
  expect(() => readLogConfig({ LOG_LEVEL: 'canary' })).not.toThrow(/canary/);
});
