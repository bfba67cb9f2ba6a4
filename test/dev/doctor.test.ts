import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Asking, createAsking } from '../../dev/doctor/ask.ts';
import { checkConsul } from '../../dev/doctor/checks/consul.ts';
import { checkFunction } from '../../dev/doctor/checks/function.ts';
import { checkNats } from '../../dev/doctor/checks/nats.ts';
import { checkPrometheus } from '../../dev/doctor/checks/prometheus.ts';
import { checkRedis } from '../../dev/doctor/checks/redis.ts';
import { checkRelay } from '../../dev/doctor/checks/relay.ts';
import { readSecrets } from '../../dev/doctor/checks/ssm.ts';
import { readDoctorConfig } from '../../dev/doctor/configuration.ts';
import { openRedis } from '../../dev/doctor/redis-connection.ts';
import { type Checked, statusOf } from '../../dev/doctor/report.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { startUpstashFront } from '../../dev/upstash/start-upstash-front.ts';
import { readFunctionConfig } from '../../lib/config/function-config.ts';
import { readRelayConfig } from '../../lib/config/relay-config.ts';
import type { FleetList } from '../../lib/domain/fleet.ts';
import { startFakeSsm } from '../support/fake-ssm.ts';
import { fleetList, instance } from '../support/fakes.ts';
import { freePort, hang, type Listener, reply, startServer } from '../support/http-server.ts';

afterEach(() => vi.unstubAllEnvs());

/** Long, so that a busy machine does not run into it. */
const patient: Asking = createAsking(30_000, new AbortController().signal);
/** For what never answers. */
const hasty: Asking = createAsking(300, new AbortController().signal);

function allocatorConfig(env: Readonly<Record<string, string>> = {}) {
  const upstash = { UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9', UPSTASH_REDIS_REST_TOKEN: 'token' };
  return readFunctionConfig({ ...upstash, GAME_SERVICE_NAME: 'game-service', ...env }).allocator;
}

/** What was found, with what to do about it. */
function said({ findings }: Checked): string {
  return findings.map(({ text, advice }) => `${text} -> ${advice ?? ''}`).join('\n');
}

describe('whoever does not answer', () => {
  const config = async (listener: Listener | undefined) => {
    const url =
      listener === undefined ? `http://127.0.0.1:${await freePort()}` : (await startServer(listener)).url.href;
    return allocatorConfig({ CONSUL_URL: url });
  };

  it.each([
    {
      how: 'refuses',
      listener: undefined,
      asking: patient,
      says: /at http:\/\/127\.0\.0\.1:\d+ refused the connection.*is CONSUL_URL .* right.*security group/,
    },
    { how: 'hangs', listener: hang, asking: hasty, says: /did not answer within 300 ms.*--timeout/ },
    {
      how: 'is HTML',
      listener: reply(200, '<html>'),
      asking: patient,
      says: /answers like something else.*really Consul/,
    },
    { how: 'answers 500', listener: reply(500, 'no'), asking: patient, says: /answered HTTP 500/ },
    {
      how: 'answers 403',
      listener: reply(403, 'no'),
      asking: patient,
      says: /refused our credentials \(403\).*CONSUL_TOKEN/,
    },
  ])('and $how is explained, once', async ({ listener, asking, says }) => {
    const { checked } = await checkConsul(await config(listener), undefined, asking);

    expect(checked.findings).toHaveLength(1);
    expect(statusOf(checked)).toBe('failed');
    expect(said(checked)).toMatch(says);
  });

  it('for its name is explained', async () => {
    const { checked } = await checkConsul(
      allocatorConfig({ CONSUL_URL: 'http://no-such-host.invalid' }),
      undefined,
      patient,
    );

    expect(said(checked)).toMatch(/nobody knows that host name.*spelt right/);
  });

  it('for want of TLS is explained', async () => {
    const { port } = await startServer(reply(200, '[]'));
    const { checked } = await checkConsul(
      allocatorConfig({ CONSUL_URL: `https://127.0.0.1:${port}` }),
      undefined,
      patient,
    );

    expect(said(checked)).toMatch(/TLS failed/);
  });
});

describe('Consul', () => {
  const entry = (address: string, status = 'passing') => ({
    Node: { Address: '' },
    Service: { ID: address, Address: address, Port: 5002 },
    Checks: [{ CheckID: 'a', Status: status }],
  });
  const consul =
    (services: Readonly<Record<string, object[]>>, headers = {}): Listener =>
    (request, response, body) => {
      const name = /^\/v1\/health\/service\/([^?]+)/.exec(request.url ?? '')?.[1];
      if (name === undefined) return reply(200, { Config: { Version: '1.8.7' } })(request, response, body);
      return reply(200, services[name] ?? [], headers)(request, response, body);
    };
  const check = async (listener: Listener, token?: string) => {
    const server = await startServer(listener);
    return { ...(await checkConsul(allocatorConfig({ CONSUL_URL: server.url.href }), token, patient)), server };
  };

  it('is read as the allocator reads it, with its token and for each service', async () => {
    const fleet = [entry('10.0.0.1'), entry('10.0.0.2', 'warning'), entry('10.0.0.3', 'critical')];
    const { checked, lists, server } = await check(consul({ 'game-service': fleet }), 'a-token');

    expect(checked).toMatchObject({ version: '1.8.7', ms: expect.any(Number) });
    expect(checked.findings.map(({ text }) => text)).toEqual([
      'game-service: 1 eligible, 1 listed, 1 gone, 0 unusable',
      'ai-service: 0 eligible, 0 listed, 0 gone, 0 unusable',
    ]);
    expect(statusOf(checked)).toBe('ok');
    expect(lists.get('game-service')?.instances).toHaveLength(3);
    expect(new Set(server.requests.map(({ headers }) => headers['x-consul-token']))).toEqual(new Set(['a-token']));
  });

  it('that filters by ACL is not an empty fleet', async () => {
    const { checked } = await check(consul({}, { 'x-consul-results-filtered-by-acls': 'true' }));

    expect(said(checked)).toMatch(/game-service: Consul filtered its answer by ACL.*service:read on game-service/);
    expect(statusOf(checked)).toBe('failed');
  });

  it('that knows no game server has another name for it', async () => {
    const { checked } = await check(consul({}));

    expect(said(checked)).toMatch(/game-service: 0 eligible.*GAME_SERVICE_NAME/);
    expect(statusOf(checked)).toBe('failed');
  });

  it('with a fleet that takes no games is to be looked at', async () => {
    const { checked } = await check(consul({ 'game-service': [entry('10.0.0.1', 'critical')] }));

    expect(said(checked)).toMatch(/1 gone.*look at the checks/);
    expect(statusOf(checked)).toBe('failed');
  });

  it('with instances that cannot be used warns', async () => {
    const { checked } = await check(consul({ 'game-service': [entry('10.0.0.1'), entry('no good')] }));

    expect(said(checked)).toMatch(/1 eligible.*1 unusable.*INSTANCE_ID/);
    expect(statusOf(checked)).toBe('warning');
  });
});

describe('Prometheus', () => {
  /** Knows these instances, with a sample of that age; `has` says which of the three queries finds them. */
  const prometheus =
    (ids: readonly string[], { ageS = 5, has = ['cpu', 'ram', 'ts'], label = ids } = {}): Listener =>
    (request, response, body) => {
      const url = request.url ?? '';
      if (url.includes('/label/')) return reply(200, { status: 'success', data: label })(request, response, body);
      if (url.includes('buildinfo'))
        return reply(200, { status: 'success', data: { version: '2.42.0' } })(request, response, body);
      const nowS = Date.now() / 1000;
      const query = new URLSearchParams(body).get('query') ?? '';
      const kinds = query.startsWith('label_replace') ? has : has.filter((kind) => kindOf(query) === kind);
      const result = ids.flatMap((id) =>
        kinds.map((m) => ({ metric: { instance: id, m }, value: [nowS, String(m === 'ts' ? nowS - ageS : 1)] })),
      );
      return reply(200, { status: 'success', data: { resultType: 'vector', result } })(request, response, body);
    };
  const kindOf = (query: string) => (query.includes('timestamp') ? 'ts' : query.includes('cpu') ? 'cpu' : 'ram');
  const check = async (listener: Listener, list: FleetList | undefined, env = {}) => {
    const { url } = await startServer(listener);
    const lists = new Map(list === undefined ? [] : [['game-service', list]]);
    return checkPrometheus(
      allocatorConfig({ PROMETHEUS_URL: url.href, ...env }),
      undefined,
      Promise.resolve(lists),
      patient,
    );
  };

  it('that has the load of everybody is well', async () => {
    const checked = await check(prometheus(['10.0.0.1:8080', '10.0.0.2:8080']), fleetList('10.0.0.1', '10.0.0.2'));

    expect(checked).toMatchObject({ version: '2.42.0', ms: expect.any(Number) });
    expect(said(checked)).toMatch(/load of 2 of Consul's 2[\s\S]*newest sample is \d+\.\d s old/);
    expect(statusOf(checked)).toBe('ok');
  });

  it.each([
    { ids: ['10.0.0.2:8080', '10.0.0.10:8080'], status: 'warning', count: "1 of Consul's 2" },
    { ids: ['cadvisor-1', 'cadvisor-2'], status: 'failed', count: "0 of Consul's 2" },
  ])('that has $count shows both label sets', async ({ ids, status, count }) => {
    const checked = await check(prometheus(ids), fleetList('10.0.0.1', '10.0.0.2'));

    expect(statusOf(checked)).toBe(status);
    expect(said(checked)).toContain(`load of ${count}`);
    expect(said(checked)).toMatch(/PROMETHEUS_INSTANCE_LABEL.*only Consul has 10\.0\.0\.1.*; only Prometheus has /);
    expect(said(checked)).toContain(ids[1]?.split(':')[0]);
  });

  it('shows some of many', async () => {
    const many = Array.from({ length: 12 }, (_, index) => `10.0.0.${index + 1}`);
    const checked = await check(prometheus(['x']), fleetList(...many));

    expect(said(checked)).toContain('10.0.0.5 and 7 more; only Prometheus has x');
  });

  it.each([
    { has: [], says: /PROMETHEUS_CPU_QUERY, PROMETHEUS_MEMORY_QUERY, PROMETHEUS_TIME_QUERY find no series/ },
    { has: ['ram', 'ts'], says: /^.*matches nothing.*PROMETHEUS_CPU_QUERY finds no series/ },
  ])('whose query matches nothing, with $has, says which setting that is', async ({ has, says }) => {
    const checked = await check(prometheus(['10.0.0.1:80'], { has }), fleetList('10.0.0.1'));

    expect(statusOf(checked)).toBe('failed');
    expect(said(checked)).toMatch(says);
    expect(said(checked)).toContain('Consul has 10.0.0.1; the label instance of Prometheus has 10.0.0.1:80');
  });

  it('that has series by another label says so', async () => {
    const checked = await check(prometheus(['10.0.0.1:80']), fleetList('10.0.0.1'), {
      PROMETHEUS_INSTANCE_LABEL: 'pod',
    });

    expect(said(checked)).toMatch(
      /matches nothing.*none with all three.*by the label pod \(PROMETHEUS_INSTANCE_LABEL\)/,
    );
  });

  it('that has nothing because there is nobody only warns', async () => {
    expect(statusOf(await check(prometheus([]), fleetList()))).toBe('warning');
  });

  it('does not need those that fail their checks', async () => {
    const list = fleetList('10.0.0.1', instance('10.0.0.2', { status: 'gone' }));

    expect(said(await check(prometheus(['10.0.0.1']), list))).toContain("load of 1 of Consul's 1");
  });

  it.each([
    { ageS: 200, says: /2\d\d\.\d s old.*SCRAPE_INTERVAL_S/ },
    { ageS: -60, says: /from the future/ },
  ])('whose newest sample is $ageS s old warns', async ({ ageS, says }) => {
    const checked = await check(prometheus(['10.0.0.1'], { ageS }), fleetList('10.0.0.1'));

    expect(said(checked)).toMatch(says);
    expect(statusOf(checked)).toBe('warning');
  });

  it('is looked at also while Consul is down', async () => {
    expect(said(await check(prometheus(['10.0.0.1']), undefined))).toContain('load of 1; who of');
  });

  it('that answers an error of the query names the kind', async () => {
    const checked = await check(reply(400, { status: 'error', errorType: 'bad_data' }), fleetList('10.0.0.1'));

    expect(statusOf(checked)).toBe('failed');
  });

  it('that is off is not asked', async () => {
    const checked = await checkPrometheus(
      allocatorConfig({ PROMETHEUS_URL: 'off' }),
      undefined,
      Promise.resolve(new Map()),
      patient,
    );

    expect(statusOf(checked)).toBe('skipped');
  });
});

describe('Redis', () => {
  const tcp = async (options: Parameters<typeof startRedis>[0], password?: string) => {
    const server = await startRedis(options);
    const config = readRelayConfig({ REDIS_HOST: '127.0.0.1', REDIS_PORT: `${server.port}` }).allocator;
    if (config.kind !== 'own') throw new Error('unreachable');
    const redis = openRedis(config.config, (name) => (name === 'REDIS_PASSWORD' ? password : undefined));
    onTestFinished(async () => {
      redis.close();
      await server.stop();
    });
    return checkRedis(redis, config.config, patient);
  };

  it('over TCP is well', async () => {
    const checked = await tcp({ password: 'canary-password' }, 'canary-password');

    expect(checked).toMatchObject({ version: expect.stringMatching(/^7\./), ms: expect.any(Number) });
    expect(checked.findings.map(({ text }) => text)).toEqual(['the script runs', 'eviction is off']);
  });

  it.each([
    { args: ['--maxmemory-policy', 'allkeys-lru'], says: /eviction is on \(allkeys-lru\).*noeviction/ },
    { args: ['--maxmemory-policy', 'volatile-ttl', '--rename-command', 'CONFIG', ''], says: /on \(volatile-ttl\)/ },
  ])('that may forget games fails', async ({ args, says }) => {
    const checked = await tcp({ args });

    expect(said(checked)).toMatch(says);
    expect(statusOf(checked)).toBe('failed');
  });

  it('that does not tell of eviction warns', async () => {
    const checked = await tcp({ args: ['--user', 'default', 'on', 'nopass', '~*', '&*', '+@all', '-info', '-config'] });

    expect(said(checked)).toMatch(/it does not tell.*maxmemory-policy to noeviction/);
    expect(checked.version).toBe(undefined);
    expect(statusOf(checked)).toBe('warning');
  });

  it('that takes no scripts fails', async () => {
    const checked = await tcp({ args: ['--rename-command', 'EVAL', '', '--rename-command', 'EVALSHA', ''] });

    expect(said(checked)).toMatch(/the script does not run \(ERR\)/);
  });

  it('with another password says which setting that is', async () => {
    const checked = await tcp({ password: 'one' }, 'canary-password');

    expect(said(checked)).toMatch(/refused our credentials \(WRONGPASS\).*REDIS_PASSWORD/);
    expect(said(checked)).not.toContain('canary');
  });

  const upstash = (url: string, token: string) => {
    const config = allocatorConfig({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token });
    const redis = openRedis(config, (name) => config.secrets[name]);
    onTestFinished(redis.close);
    return checkRedis(redis, config, patient);
  };

  it('over REST is well, and says whose token is wrong', async () => {
    const server = await startRedis();
    const front = await startUpstashFront({ redisUrl: server.url, token: 'right' });
    onTestFinished(async () => {
      await front.stop();
      await server.stop();
    });

    expect(said(await upstash(front.url, 'right'))).toMatch(/the script runs[\s\S]*eviction is off/);
    expect(said(await upstash(front.url, 'canary-wrong'))).toMatch(
      /refused our credentials \(401\).*UPSTASH_REDIS_REST_TOKEN/,
    );
  });

  it('over REST that does not tell of eviction says where to look', async () => {
    const script = { now: 1, results: [['not_found']] };
    const { url } = await startServer((request, response, body) => {
      const command = String(JSON.parse(body)[0]).toUpperCase();
      if (command === 'GET') return reply(200, { result: null })(request, response, body);
      if (command === 'EVALSHA') return reply(200, { result: JSON.stringify(script) })(request, response, body);
      if (command === 'INFO')
        return reply(200, { result: '# Server\r\nupstash_version:1.2.3\r\n' })(request, response, body);
      return reply(400, { error: 'ERR Command is not available' })(request, response, body);
    });
    const checked = await upstash(url.href, 'token');

    expect(checked.version).toBe('1.2.3');
    expect(said(checked)).toMatch(/it does not tell: see Eviction in the Upstash console/);
    expect(statusOf(checked)).toBe('ok');
  });
});

describe('NATS', () => {
  it('without a relay fails, and tells its version', async () => {
    const server = await startNats();
    onTestFinished(() => server.stop());
    const checked = await checkNats(readRelayConfig({ NATS_URL: server.url }), patient);

    expect(checked).toMatchObject({ version: expect.stringMatching(/^2\./), ms: expect.any(Number) });
    expect(said(checked)).toMatch(/without TLS[\s\S]*no relay answers for game\.assign\.request/);
    expect(statusOf(checked)).toBe('failed');
  });

  it('that lets in others only says so', async () => {
    const server = await startNats({ config: 'authorization { user: a, password: b }' });
    onTestFinished(() => server.stop());

    expect(said(await checkNats(readRelayConfig({ NATS_URL: server.url }), patient))).toMatch(
      /refused our credentials/,
    );
  });

  it('without TLS where that is wanted says so', async () => {
    const server = await startNats();
    onTestFinished(() => server.stop());

    expect(said(await checkNats(readRelayConfig({ NATS_URL: server.url, NATS_TLS: 'on' }), patient))).toMatch(
      /TLS is on \(NATS_TLS\)/,
    );
  });

  it('that refuses or hangs is explained', async () => {
    const { port } = await startServer(hang);
    const nobody = readRelayConfig({ NATS_URL: `nats://127.0.0.1:${await freePort()}` });

    expect(said(await checkNats(nobody, patient))).toMatch(/refused the connection.*is NATS_URL right/);
    expect(said(await checkNats(readRelayConfig({ NATS_URL: `nats://127.0.0.1:${port}` }), hasty))).toMatch(
      /did not answer within 300 ms/,
    );
  });
});

describe('the function', () => {
  const check = async (listener: Listener, env = {}, asking = patient) => {
    const server = await startServer(listener);
    const config = readRelayConfig({
      ALLOCATOR_URL: new URL('/batch', server.url).href,
      ALLOCATOR_TOKEN: 'canary',
      ...env,
    });
    return { checked: await checkFunction(config, asking), server };
  };
  const item = (value: object) => reply(200, { v: 1, items: [value] });

  it('that finds no such game is well', async () => {
    const { checked, server } = await check(
      item({ success: false, code: 'not_found', message: 'No.', retryable: false }),
    );

    expect(checked.findings.map(({ text }) => text)).toEqual([
      'GET /health answers',
      'a look up is let in and answered',
    ]);
    const asked = server.requests.find(({ method }) => method === 'POST');
    expect(asked).toMatchObject({ url: '/batch', headers: { authorization: 'Bearer canary' } });
    expect(JSON.parse(asked?.body ?? '')).toMatchObject({
      v: 1,
      items: [{ op: 'lookup', request: { game_id: /^doctor-/ } }],
    });
  });

  it.each([
    { env: {}, status: 401, says: /none of the function's API_TOKENS/ },
    { env: { ALLOCATOR_TOKEN: '' }, status: 401, says: /ALLOCATOR_TOKEN is not set/ },
    { env: {}, status: 403, says: /is ALLOCATOR_URL the HTTP API's POST \/batch/ },
  ])('that answers $status is explained', async ({ env, status, says }) => {
    const { checked } = await check(reply(status, { success: false }), env);

    expect(said(checked)).toMatch(/does not let us in/);
    expect(said(checked)).toMatch(says);
    expect(said(checked)).not.toContain('canary');
  });

  it.each([
    {
      answer: item({ success: false, code: 'upstream_unavailable', message: 'Not now.' }),
      says: /upstream_unavailable.*"Not now\.".*its log/,
    },
    { answer: reply(200, '<html>'), says: /answers like something else/ },
    { answer: reply(502, { message: 'Internal Server Error' }), says: /answered HTTP 502/ },
  ])('that is not well is explained: $says', async ({ answer, says }) => {
    const { checked } = await check(answer);

    expect(said(checked)).toMatch(says);
    expect(statusOf(checked)).toBe('failed');
  });

  it('is not asked where the relay decides itself', async () => {
    expect(statusOf(await checkFunction(readRelayConfig({}), patient))).toBe('skipped');
  });
});

describe('the relay', () => {
  it.each([
    { status: 200, body: { ready: true }, says: /^ready/, is: 'ok' },
    { status: 503, body: { ready: false, reason: 'not_connected' }, says: /not ready \(not_connected\)/, is: 'failed' },
  ])('that answers $status is $is', async ({ status, body, says, is }) => {
    const { url } = await startServer(reply(status, { ...body, version: '0.1.0' }));
    const checked = await checkRelay(url, patient);

    expect(checked.version).toBe('0.1.0');
    expect(said(checked)).toMatch(says);
    expect(statusOf(checked)).toBe(is);
  });
});

describe('SSM', () => {
  const check = async (parameters: Readonly<Record<string, string>>, env = {}, refusal?: string) => {
    const ssm = await startFakeSsm(parameters);
    for (const [name, value] of Object.entries(ssm.env)) vi.stubEnv(name, value);
    if (refusal) ssm.refusals['GetParametersByPath'] = { type: refusal, message: 'canary' };
    return readSecrets(
      allocatorConfig({ SSM_PATH: '/game-allocator/dev', UPSTASH_REDIS_REST_TOKEN: '', ...env }),
      patient,
    );
  };

  it('names what is there and what is missing, and gives the values to who needs them', async () => {
    const { checked, get } = await check({
      '/game-allocator/dev/upstash-redis-rest-token': 'canary-1',
      '/game-allocator/dev/api-tokens': 'canary-2',
      '/game-allocator/prod/consul-token': 'canary-3',
    });

    expect(said(checked)).toMatch(/has api-tokens, upstash-redis-rest-token, decrypted[\s\S]*not there.*consul-token/);
    expect(said(checked)).not.toContain('canary');
    expect(statusOf(checked)).toBe('ok');
    expect([get('UPSTASH_REDIS_REST_TOKEN'), get('CONSUL_TOKEN')]).toEqual(['canary-1', undefined]);
  });

  it('without what is needed says how to write it', async () => {
    const { checked } = await check({});

    expect(said(checked)).toMatch(/dev\/upstash-redis-rest-token is missing.*npm run ssm:put -- --stage dev\./);
    expect(said(checked)).toMatch(/api-tokens is missing.*nobody gets in/);
    expect(statusOf(checked)).toBe('failed');
  });

  it.each([
    { refusal: 'AccessDeniedException', says: /refused.*\(AccessDeniedException\).*kms:Decrypt/ },
    { refusal: 'ThrottlingException', says: /SSM at .* answered an error/ },
  ])('that answers $refusal is explained', async ({ refusal, says }) => {
    const { checked } = await check({}, {}, refusal);

    expect(said(checked)).toMatch(says);
    expect(said(checked)).not.toContain('canary');
  });

  it.each([
    { env: { UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9', UPSTASH_REDIS_REST_TOKEN: 'a' }, status: 'warning' },
    { env: {}, status: 'skipped' },
  ])(
    'is not asked without a path, and API tokens are missed where there is HTTPS: $status',
    async ({ env, status }) => {
      const { allocator } = readDoctorConfig({ NATS_URL: 'nats://127.0.0.1:1', ...env }, undefined);

      expect(statusOf((await readSecrets(allocator!, patient)).checked)).toBe(status);
    },
  );

  it('is not asked where the environment has the secrets', async () => {
    const { checked } = await check({}, { SSM_PATH: '', UPSTASH_REDIS_REST_TOKEN: 'a', API_TOKENS: 'b' });

    expect(statusOf(checked)).toBe('skipped');
  });
});
