import { describe, expect, it } from 'vitest';
import { readDoctorConfig } from '../../dev/doctor/configuration.ts';
import { type DoctorReport, formatReport, isHealthy, scrubbed, statusOf, toJson } from '../../dev/doctor/report.ts';

const STACK = {
  natsUrl: 'nats://127.0.0.1:1',
  assignUrl: 'http://127.0.0.1:2/assign',
  assignToken: 'assign-token',
  consulUrl: 'http://127.0.0.1:3',
  prometheusUrl: 'http://127.0.0.1:4',
  redisUrl: 'redis://127.0.0.1:5',
  upstashUrl: 'http://127.0.0.1:6',
  upstashToken: 'upstash-token',
  relayUrl: 'http://127.0.0.1:7',
  apiUrl: 'http://127.0.0.1:8',
  consoleToken: 'canary-console',
};

describe('the configuration is', () => {
  it("the stack's, where one runs and the environment has nothing of ours", () => {
    const config = readDoctorConfig({ PATH: '/bin', CONSUL_URL: '', LOG_LEVEL: 'DEBUG' }, STACK);

    expect(config.source).toContain('npm start');
    expect(config.allocator).toMatchObject({
      consul: { baseUrl: new URL(STACK.consulUrl) },
      redis: { kind: 'upstash', url: new URL(STACK.upstashUrl) },
    });
    expect(config.relay).toMatchObject({
      nats: { servers: [STACK.natsUrl] },
      allocator: {
        kind: 'function',
        url: new URL('http://127.0.0.1:2/batch'),
        auth: { kind: 'token', token: 'assign-token' },
      },
    });
    expect(config.relayUrl).toEqual(new URL(STACK.relayUrl));
    expect(statusOf(config.checked)).toBe('ok');
  });

  it('the environment, where that has anything of ours', () => {
    const config = readDoctorConfig({ NATS_URL: 'nats://10.0.0.1:4222' }, STACK);

    expect(config.relay?.nats.servers).toEqual(['nats://10.0.0.1:4222']);
    expect(config.allocator?.redis).toEqual({ kind: 'tcp', host: 'localhost', port: 6379, db: 0 });
    expect(config.relayUrl).toBe(undefined);
  });

  it('the defaults, which it says, where there is neither', () => {
    const config = readDoctorConfig({}, undefined);

    expect(config.checked.findings).toMatchObject([{ status: 'warning', text: 'only defaults' }]);
  });

  it('of a relay that only forwards without anything that a function needs', () => {
    const env = { ALLOCATOR_URL: 'https://x.example/batch', SERVICES: '{"game-service": {}}' };
    const config = readDoctorConfig(env, undefined);

    expect(config.allocator).toBe(undefined);
    expect(config.relay?.allocator.kind).toBe('function');
    expect(statusOf(config.checked)).toBe('ok');
  });

  it('wrong by name, every problem once, and no value in it', () => {
    const env = {
      UPSTASH_REDIS_REST_URL: 'redis://canary:canary@x',
      CONSUL_PORT: 'canary',
      NATS_URL: 'http://canary',
      GAME_CACHE_TTL: '0',
    };
    const { checked, allocator, relay } = readDoctorConfig(env, STACK);

    const problems = checked.findings.map(({ text }) => text.split(' ')[0]);
    expect(problems.sort()).toEqual(['CONSUL_PORT', 'GAME_CACHE_TTL', 'NATS_URL', 'UPSTASH_REDIS_REST_URL']);
    expect(statusOf(checked)).toBe('failed');
    expect([allocator, relay]).toEqual([undefined, undefined]);
    expect(JSON.stringify(checked)).not.toContain('canary');
  });
});

describe('the report', () => {
  const report: DoctorReport = {
    source: 'From somewhere.',
    checks: [
      { name: 'redis', ms: 1.26, version: '7.0.15', findings: [{ status: 'ok', text: 'the script runs' }] },
      {
        name: 'consul',
        findings: [
          { status: 'ok', text: 'a: 3 eligible' },
          { status: 'failed', text: 'b: refused', advice: 'Start it.' },
        ],
      },
    ],
  };

  it('is a table with a line for each finding, and what to do below', () => {
    expect(formatReport(report, false)).toBe(
      `From somewhere.

asked          in      version  says
------  ------  ------  -------  ---------------
redis   ok      1.3 ms  7.0.15   the script runs
consul  ok                       a: 3 eligible
        FAILED                   b: refused

What to do:
- consul: Start it.

Not well: consul.`.replace('asked          in      version', 'asked           in      version'),
    );
  });

  it('has colours only for a terminal, and is the same without them', () => {
    const coloured = formatReport(report, true);

    expect(coloured).toContain('\u001b[31mFAILED\u001b[39m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(formatReport(report, false));
  });

  it('is JSON with the worst of each', () => {
    expect(JSON.parse(toJson(report))).toMatchObject({ ok: false, checks: [{ status: 'ok' }, { status: 'failed' }] });
    expect(isHealthy({ ...report, checks: report.checks.slice(0, 1) })).toBe(true);
  });

  it('has no secret and no control character in it, whoever said them', () => {
    const said = {
      name: 'x',
      version: 'token-1',
      findings: [{ status: 'ok', text: '\u001b[2Jtoken-2', advice: 'token-1' }],
    } as const;

    expect(scrubbed([said], ['token-1', 'token-2'])).toEqual([
      { name: 'x', version: '***', findings: [{ status: 'ok', text: '?[2J***', advice: '***' }] },
    ]);
  });
});
