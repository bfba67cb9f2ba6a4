import { afterEach, expect, it, vi } from 'vitest';
import { ConfigError, type Env } from '../../lib/config/env.ts';
import { readFunctionConfig } from '../../lib/config/function-config.ts';
import { readRelayConfig } from '../../lib/config/relay-config.ts';
import { reply, startServer } from '../support/http-server.ts';
import { PATIENT, useWholeFunctions } from './whole-function.ts';

const start = useWholeFunctions();
afterEach(() => {
  vi.unstubAllEnvs();
});

const FUNCTION: Env = { UPSTASH_REDIS_REST_URL: 'https://x.upstash.io', UPSTASH_REDIS_REST_TOKEN: 'canary' };
const RELAY: Env = { ALLOCATOR_URL: 'https://x.lambda-url.eu-central-1.on.aws/batch', ALLOCATOR_TOKEN: 'canary' };

it.each<[string, string, string]>([
  ['another scheme', 'CONSUL_URL', 'ftp://canary'],
  ['no scheme', 'CONSUL_URL', 'canary:8500'],
  ['user and password in it', 'CONSUL_URL', 'https://user:canary@consul'],
  ['a user in it', 'UPSTASH_REDIS_REST_URL', 'https://canary@x.upstash.io'],
  ['a password in it', 'PROMETHEUS_URL', 'http://:canary@prometheus'],
  ['NaN', 'GAME_CACHE_TTL', 'NaN'],
  ['a negative number', 'FLEET_STALE_MS', '-1'],
  ['infinity', 'REASSIGN_GRACE_MS', 'Infinity'],
  ['a number and more', 'SCRAPE_INTERVAL_S', '15s canary'],
  ['white space alone', 'UPSTASH_REDIS_REST_TOKEN', ' \n '],
])('config: a function does not start with %s, and says which variable it is', (_what, name, value) => {
  expectRefused(() => readFunctionConfig({ ...FUNCTION, [name]: value }), name);
});

it.each<[string, string, string]>([
  ['user and password in it', 'ALLOCATOR_URL', 'https://user:canary@x.on.aws/batch'],
  ['credentials in it', 'NATS_URL', 'nats://user:canary@nats:4222'],
  ['another scheme', 'NATS_URL', 'http://canary:4222'],
  ['NaN', 'KEEP_WARM', 'NaN'],
  ['a negative number', 'MAX_IN_FLIGHT', '-1'],
  ['more than a number can be', 'PORT', '1e400'],
])('config: a relay does not start with %s, and says which variable it is', (_what, name, value) => {
  expectRefused(() => readRelayConfig({ ...RELAY, [name]: value }), name);
});

function expectRefused(read: () => unknown, name: string): void {
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(name);
  expect(read).not.toThrow(/canary/);
}

it('config: an empty variable is as good as none', () => {
  const empty = { CONSUL_URL: '', GAME_CACHE_TTL: '', CONSUL_TOKEN: '', SSM_PATH: '' };

  expect(readFunctionConfig({ ...FUNCTION, ...empty })).toEqual(readFunctionConfig(FUNCTION));
});

it('config: white space around a secret does not come along, from the environment or from SSM', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example');
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  const parameters = ['upstash-redis-rest-token', 'consul-token'].map((name) => ({
    Name: `/game-allocator/test/${name}`,
    Value: name === 'consul-token' ? ' canary-consul\r\n' : 'canary-redis \n',
  }));
  const ssm = await startServer(reply(200, { Parameters: parameters }));
  vi.stubEnv('AWS_ENDPOINT_URL_SSM', ssm.url.href);
  const fromSsm = { SSM_PATH: '/game-allocator/test', UPSTASH_REDIS_REST_TOKEN: '', CONSUL_TOKEN: '' };

  for (const env of [fromSsm, { UPSTASH_REDIS_REST_TOKEN: ' canary-redis\n', CONSUL_TOKEN: 'canary-consul ' }]) {
    const made = await start({ env });
    await expect.poll(async () => (await made.ask()).json, PATIENT).toMatchObject({ success: true });

    expect(made.servers.consul.requests[0]?.headers['x-consul-token']).toBe('canary-consul');
  }
});
