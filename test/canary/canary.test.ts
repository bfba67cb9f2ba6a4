import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startNats } from '../../dev/servers/nats.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { openTranscript, PLANTED_FILE, TRANSCRIPTS } from '../../dev/servers/transcripts.ts';
import { createSecret, SECRET_PREFIX } from '../../dev/stack/create-secret.ts';
import { startNodeServer } from '../../dev/stack/node-server.ts';
import { startFunctions, startUpstash } from '../../dev/stack/start-parts.ts';
import { tapReplies } from '../../dev/stack/tap-replies.ts';
import { type EchoUpstream, startEchoUpstream } from './echo-upstream.ts';
import { filesIn, findSecrets, type Secret } from './search.ts';

const folder = process.env[TRANSCRIPTS] ?? '';
const PATIENT = { timeout: 30_000, interval: 50 };
const RELAY = 'dist/relay/relay.mjs';
const SUBJECT = 'canary.assign.request';

const secret = {
  api: createSecret('API_TOKENS'),
  upstash: createSecret('UPSTASH_REDIS_REST_TOKEN'),
  consul: createSecret('CONSUL_TOKEN'),
  prometheus: createSecret('PROMETHEUS_TOKEN'),
  redis: createSecret('REDIS_PASSWORD'),
  allocator: createSecret('ALLOCATOR_TOKEN'),
  caller: createSecret("a caller's wrong token"),
  nats: createSecret('NATS_PASSWORD'),
  awsKey: createSecret('AWS_SECRET_ACCESS_KEY'),
  awsSession: createSecret('AWS_SESSION_TOKEN'),
};

/** Each of them refuses, and says all that it was sent. */
let upstreams: Record<'unauthorised' | 'forbidden' | 'badRequest', EchoUpstream>;
let nats: RunningServer;
let caller: NatsConnection;
let untap: () => Promise<void>;
let files = '';
const started: RunningServer[] = [];

async function keep(starting: Promise<RunningServer>): Promise<RunningServer> {
  const server = await starting;
  started.push(server);
  return server;
}

beforeAll(async () => {
  files = await mkdtemp(join(tmpdir(), 'canary-'));
  const [unauthorised, forbidden, badRequest] = await Promise.all([401, 403, 400].map(startEchoUpstream));
  upstreams = { unauthorised: unauthorised!, forbidden: forbidden!, badRequest: badRequest! };
  nats = await keep(startNats());
  untap = await tapReplies(nats.url);
  caller = await connect({ servers: nats.url });
});

afterAll(async () => {
  await stopAll();
  for (const upstream of Object.values(upstreams ?? {})) upstream.stop();
  await rm(files, { recursive: true, force: true });
});

let stopping: Promise<void> | undefined;

/** Also what the last test needs: logs are collected when their server stops. */
function stopAll(): Promise<void> {
  stopping ??= (async () => {
    await caller?.close();
    await Promise.all(started.map((server) => server.stop()));
    await untap?.();
  })();
  return stopping;
}

const LOUD = { LOG_LEVEL: 'DEBUG', LOG_FORMAT: 'text', TRACE_CALLER: 'true' };

/** What a function, or a relay that decides by itself, has of secrets for others. */
function allocatorEnv() {
  return {
    ...LOUD,
    CONSUL_URL: upstreams.forbidden.url,
    CONSUL_TOKEN: secret.consul,
    PROMETHEUS_URL: upstreams.unauthorised.url,
    PROMETHEUS_TOKEN: secret.prometheus,
  };
}

/** The local Lambda host with the built functions in it. `url` is the HTTP API's origin. */
async function functionsWith(env: Record<string, string>) {
  const { server, functionUrl } = await startFunctions({ env, maxEnvironments: 1 });
  started.push(server);
  return { url: server.url, functionUrl };
}

/** The built relay, which need not come to be ready. */
function relayWith(env: Record<string, string>): Promise<RunningServer> {
  return keep(
    startNodeServer({
      name: 'relay',
      script: RELAY,
      env: { ...LOUD, NATS_URL: nats.url, NATS_TLS: 'off', ASSIGN_SUBJECT: SUBJECT, KEEP_WARM: '0', ...env },
      args: () => [],
      portEnv: ([port]) => [`PORT=${port}`],
      readyPath: '/livez',
    }),
  );
}

/** Asks POST /assign, and gives the answer's status. What it says is collected, see record-replies.ts. */
async function assignStatus(url: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'timeout-ms': '2000' };
  const answer = await fetch(`${url}/assign`, { method: 'POST', headers, body: '{"game_id":"a"}' });
  await answer.text();
  return answer.status;
}

/** The code of the failure with which a request over NATS is answered. */
async function codeOverNats(): Promise<string | undefined> {
  const message = await caller.request(SUBJECT, '{"game_id":"a"}', { timeout: 2000 });
  return message.json<{ code?: string }>().code;
}

const logOf = (server: RunningServer) => readFile(server.logFile, 'utf8');

it('a function whose tokens are all refused, and whose callers have wrong ones', async () => {
  const env = { ...allocatorEnv(), UPSTASH_REDIS_REST_URL: upstreams.unauthorised.url };
  const { url } = await functionsWith({ ...env, UPSTASH_REDIS_REST_TOKEN: secret.upstash, API_TOKENS: secret.api });

  await expect.poll(() => assignStatus(url, secret.api), PATIENT).toBe(503);
  expect(await assignStatus(url, secret.caller)).toBe(401);
  for (const [method, path] of [
    ['GET', '/health'],
    ['GET', '/games/a'],
    ['POST', '/batch'],
  ] as const) {
    await (await fetch(url + path, { method })).text();
  }

  expect(upstreams.unauthorised.received()).toContain(secret.upstash);
  expect(upstreams.unauthorised.received()).toContain(secret.prometheus);
  expect(upstreams.forbidden.received()).toContain(secret.consul);
});

it('a function to which Parameter Store gives nothing', async () => {
  const { url } = await functionsWith({
    ...allocatorEnv(),
    UPSTASH_REDIS_REST_URL: upstreams.unauthorised.url,
    SSM_PATH: '/game-allocator/canary',
    AWS_ENDPOINT_URL_SSM: upstreams.badRequest.url,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: secret.awsKey,
    AWS_SESSION_TOKEN: secret.awsSession,
  });

  await expect.poll(() => assignStatus(url, secret.caller), PATIENT).toBe(503);
  expect(upstreams.badRequest.received()).toContain(secret.awsSession);
});

it('a function that cannot start', async () => {
  const output = await outputOf('dist/functions/batch/index.mjs', [], {
    ...LOUD,
    UPSTASH_REDIS_REST_URL: `https://user:${secret.upstash}@example.com`,
    CONSUL_URL: `http://:${secret.consul}@example.com`,
    SSM_PATH: secret.awsKey,
    ALLOW_ANONYMOUS: secret.caller,
  });
  const tooMany = await outputOf('dist/functions/batch/index.mjs', [], {
    UPSTASH_REDIS_REST_URL: upstreams.unauthorised.url,
    UPSTASH_REDIS_REST_TOKEN: secret.upstash,
    API_TOKENS: `${secret.api},${secret.caller},${secret.allocator}`,
  });

  for (const name of ['UPSTASH_REDIS_REST_URL', 'CONSUL_URL', 'SSM_PATH', 'ALLOW_ANONYMOUS']) {
    expect(output).toContain(name);
  }
  expect(tooMany).toContain('API_TOKENS');
});

it('a front before Redis, and a caller with the wrong token for it', async () => {
  const redis = await keep(startRedis());
  const front = await keep(startUpstash(redis.url, secret.upstash));
  const env = { ...allocatorEnv(), UPSTASH_REDIS_REST_URL: front.url, UPSTASH_REDIS_REST_TOKEN: secret.caller };
  const { url } = await functionsWith({ ...env, API_TOKENS: secret.api });

  await expect.poll(() => assignStatus(url, secret.api), PATIENT).toBe(503);
});

it('a relay that the function turns away', async () => {
  const env = { ...allocatorEnv(), UPSTASH_REDIS_REST_URL: upstreams.unauthorised.url };
  const { functionUrl } = await functionsWith({
    ...env,
    UPSTASH_REDIS_REST_TOKEN: secret.upstash,
    API_TOKENS: secret.api,
  });
  for (const url of [`${functionUrl}batch`, `${upstreams.forbidden.url}/batch`]) {
    const relay = await relayWith({ ALLOCATOR_URL: url, ALLOCATOR_TOKEN: secret.allocator });
    await expect.poll(codeOverNats, PATIENT).toBe('upstream_unavailable');

    expect(await logOf(relay)).toContain('allocator_unavailable');
    for (const path of ['/livez', '/readyz', '/health', '/nowhere']) await (await fetch(relay.url + path)).text();
    for (const verb of ['PING', 'INFO', 'STATS']) await caller.request(`$SRV.${verb}`, '', { timeout: 2000 });
    await relay.stop();
  }

  expect(upstreams.forbidden.received()).toContain(secret.allocator);
});

it('a relay that decides by itself and has the wrong password for Redis', async () => {
  const redis = await keep(startRedis({ password: createSecret('the password of Redis') }));
  const env = { ...allocatorEnv(), REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) };
  const relay = await relayWith({ ...env, REDIS_PASSWORD: secret.redis });

  await expect.poll(codeOverNats, PATIENT).toBe('upstream_unavailable');
  await expect.poll(() => logOf(relay), PATIENT).toContain('WRONGPASS');
  await relay.stop();
});

it('a relay that NATS does not let in', async () => {
  const password = createSecret('the password of NATS');
  const closed = await keep(startNats({ config: `authorization { user: relay, password: "${password}" }` }));
  const garbage = join(files, 'garbage');
  await writeFile(garbage, `-----BEGIN ${secret.nats}\n${secret.nats}\n`);
  const credentials: readonly Record<string, string>[] = [
    {},
    { NATS_USER: 'relay', NATS_PASSWORD: secret.nats },
    { NATS_TOKEN: secret.nats },
    { NATS_CREDS_FILE: garbage },
    { NATS_NKEY_FILE: garbage },
    { NATS_NKEY_SEED: secret.nats },
  ];

  // What they cannot read or use, they may end at; their log is collected all the same.
  const relays = await Promise.all(
    credentials.map((env) => relayWith({ NATS_URL: closed.url, ...env }).catch(() => undefined)),
  );

  for (const relay of relays) if (relay) await expect.poll(() => logOf(relay), PATIENT).toMatch(/nats_/);
});

it('a relay that is asked what is wrong with its configuration', async () => {
  const wrong: Record<string, string> = {
    NATS_URL: `nats://relay:${secret.nats}@127.0.0.1:4222`,
    NATS_TLS: secret.nats,
    ALLOCATOR_URL: `https://:${secret.allocator}@example.com/batch?token=${secret.allocator}`,
    CONSUL_URL: `http://consul:${secret.consul}@example.com`,
    PROMETHEUS_URL: `ftp://${secret.prometheus}`,
    SERVICES: `{"${secret.api}": {"${secret.api}": "${secret.api}"}`,
    SSM_PATH: secret.awsKey,
    REDIS_PORT: secret.redis,
    CONSUL_PORT: secret.consul,
    LOG_LEVEL: secret.api,
    KEEP_WARM: secret.api,
    QUEUE_GROUP: `${secret.api} ${secret.api}`,
  };

  for (const [name, value] of Object.entries(wrong)) {
    const output = await outputOf(RELAY, ['--check-config'], { [name]: value });
    if (name !== 'KEEP_WARM') expect(output).toContain(name); // which only counts beside ALLOCATOR_URL
  }
  expect(await outputOf(RELAY, ['--check-config'], wrong)).toContain('NATS_URL');
  expect(await outputOf(RELAY, [`--${secret.api}`], {})).toContain('Usage');
});

it('no secret is in anything that was said in this test run', async () => {
  const control = createSecret('the control');
  openTranscript('printed', 'control')?.write(`a line with ${control} in it`);
  await stopAll();
  const lines = (await readFile(join(folder, PLANTED_FILE), 'utf8')).trimEnd().split('\n');
  const secrets: Secret[] = lines.map((line) => JSON.parse(line));

  const findings = await findSecrets(folder, {
    secrets,
    prefix: SECRET_PREFIX,
    // The list of what is looked for. Nothing else is left out: a file that has to hold a secret is not collected.
    except: [PLANTED_FILE],
  });

  expect(findings.filter(({ file }) => !file.startsWith('printed/control-'))).toEqual([]);
  expect(findings).toContainEqual(
    expect.objectContaining({ secret: 'the control', forms: expect.arrayContaining(['plain']) }),
  );
  const sizes = await sizesByKind();
  for (const kind of [
    'logs/relay',
    'logs/functions',
    'replies/nats',
    'replies/http',
    'printed/program',
    'printed/vitest',
  ])
    expect([kind, sizes.get(kind) ?? 0]).toEqual([kind, expect.toSatisfy((bytes: number) => bytes > 0)]);
  expect(sizes.has('logs/upstash')).toBe(true); // which says nothing while all is well
});

/** Runs a built program to its end, with `env` and nothing else, and collects what it says. */
async function outputOf(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, [program, ...args], { env: { ...env } }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
  openTranscript('printed', 'program')?.write(output);
  return output;
}

/** Bytes collected, by folder and program. */
async function sizesByKind(): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const file of await filesIn(folder)) {
    const kind = file.replace(/-\d+-\d+\.log$/, '');
    sizes.set(kind, (sizes.get(kind) ?? 0) + (await stat(join(folder, file))).size);
  }
  return sizes;
}
