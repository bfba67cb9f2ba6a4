import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connect } from 'nats';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { healthEntry } from '../adapters/consul/health-entry.ts';
import { reply, startServer } from '../support/http-server.ts';
import { type Instruction, readDockerfile, type Stage } from './dockerfile.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
const LIMIT = { timeout: 30_000, interval: 50 };
/** Makes what a process does once a minute happen at once. */
const MINUTES_FLY = [
  '--import',
  'data:text/javascript,const s=setInterval;globalThis.setInterval=(f,ms,...a)=>s(f,ms===60000?50:ms,...a)',
];

let stages: readonly Stage[] = [];
let build: Stage;
let image: Stage;
let folder = '';

beforeAll(async () => {
  stages = await readDockerfile(join(project, 'deploy/relay/Dockerfile'));
  [build, image] = stages as [Stage, Stage];
  folder = await mkdtemp(join(tmpdir(), 'relay-image-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const all = ({ instructions }: Stage, name: string) => instructions.filter((each) => each.name === name);
const last = (stage: Stage, name: string) => all(stage, name).at(-1)?.rest;
const sourcesOf = ({ rest }: Instruction) => rest.split(/\s+/).slice(0, -1);

it('builds in one stage and ships another, both on Node 24 and pinned by digest', () => {
  expect(stages).toHaveLength(2);
  expect(build.image).toMatch(/^node:24-[\w-]+@sha256:[0-9a-f]{64}$/);
  expect(image.image).toMatch(/^gcr\.io\/distroless\/nodejs24-debian\d+:nonroot@sha256:[0-9a-f]{64}$/);
  // Only what is shipped differs by platform.
  expect([build.platform, image.platform]).toEqual(['$BUILDPLATFORM', undefined]);
});

it('installs what the lockfile says, and runs no package of it', () => {
  expect(all(build, 'RUN').map(({ rest }) => rest)).toEqual([
    'npm ci --ignore-scripts --no-audit --no-fund',
    'node esbuild.config.mjs',
  ]);
});

it('runs as nobody, and runs nothing while it is made', () => {
  expect(last(image, 'USER')).toBe('65532:65532');
  expect(all(image, 'RUN')).toEqual([]);
  expect(all(image, 'ADD')).toEqual([]);
  expect(all(image, 'VOLUME')).toEqual([]);
});

it('starts node itself, so that a signal comes to the relay and to no shell', () => {
  expect(JSON.parse(last(image, 'ENTRYPOINT') ?? '')).toEqual(['/nodejs/bin/node', '/app/relay.mjs']);
  expect(last(image, 'STOPSIGNAL')).toBe('SIGTERM');
  expect(last(image, 'EXPOSE')).toBe('5005');
});

it('asks the relay by the relay whether it is well', () => {
  const [check] = all(image, 'HEALTHCHECK');

  expect(check?.flags).toEqual({ interval: '10s', timeout: '5s', 'start-period': '60s', retries: '3' });
  expect(check?.rest).toMatch(/^CMD \[/);
  expect(JSON.parse(check?.rest.slice('CMD '.length) ?? '')).toEqual([
    '/nodejs/bin/node',
    '/app/relay.mjs',
    '--health',
  ]);
});

it('says what it is in OCI labels', () => {
  const labels = last(image, 'LABEL') ?? '';
  const names = [...labels.matchAll(/org\.opencontainers\.image\.([\w.]+)="[^"]+"/g)].map(([, name]) => name);

  expect(names).toEqual(['title', 'description', 'licenses', 'version', 'revision', 'created', 'base.name']);
});

it('has no secret in it: no variable but one, and nothing from the folder that it is built in', () => {
  expect(all(image, 'ENV').map(({ rest }) => rest)).toEqual(['NODE_ENV=production']);
  expect(all(image, 'COPY').map(({ flags }) => flags['from'])).toEqual(['build']);
  expect([...all(build, 'ARG'), ...all(build, 'ENV')]).toEqual([]);
});

it('lets a build see only what it copies', async () => {
  const ignore = await readFile(join(project, 'deploy/relay/Dockerfile.dockerignore'), 'utf8');
  const rules = ignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const copied = all(build, 'COPY').flatMap(sourcesOf);

  expect(rules[0]).toBe('*');
  expect(rules.slice(1).toSorted()).toEqual(copied.map((path) => `!${path}`).toSorted());
});

it('ships the bundle whole and nothing else, built from the files that it copies', async () => {
  const shipped = await imitateBuild();

  const built = await readdir(join(folder, 'src/dist/relay'));
  expect(shipped.toSorted()).toEqual(built.filter((file) => !file.endsWith('.map')).toSorted());
});

it('serves from that folder alone, and says that it is well', async () => {
  const app = await imitateImage();
  const [nats, redis] = await Promise.all([startNats(), startRedis()]);
  const consul = await startServer(reply(200, [healthEntry()]));
  const env = {
    PORT: String(await freePort()),
    NATS_URL: nats.url,
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(redis.port),
    CONSUL_HOST: '127.0.0.1',
    CONSUL_PORT: consul.url.port,
    PROMETHEUS_URL: 'off',
    LOG_FORMAT: 'json',
  };
  const health = () => run(app, ['relay.mjs', '--health'], env);
  expect(await health()).toBe(1); // nobody is there yet

  const relay = spawn(process.execPath, [...MINUTES_FLY, 'relay.mjs'], { cwd: app, env });
  let log = '';
  relay.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
  onTestFinished(async () => {
    if (relay.exitCode === null) relay.kill('SIGKILL');
    await Promise.all([nats.stop(), redis.stop(), consul.stop()]);
  });
  await expect.poll(health, LIMIT).toBe(0);
  const client = await connect({ servers: nats.url });
  onTestFinished(() => client.close());
  const ask = async () => (await client.request('game.assign.request', '{"game_id":"g"}', { timeout: 5000 })).json();
  // The first one may be too late on a busy machine; asking again finds what was recorded.
  await expect.poll(ask, LIMIT).toMatchObject({ success: true, instance_id: '10.0.0.3' });

  // What the alarm on its connection is made of.
  await expect.poll(() => log, LIMIT).toMatch(/"event":"relay_state","ready":true,"connected":true/);

  relay.kill('SIGTERM');
  expect((await once(relay, 'exit'))[0]).toBe(0);
});

/** What `docker build` does up to the image, with the packages that are installed here. Returns the names of the files in it. */
async function imitateBuild(): Promise<readonly string[]> {
  const src = join(folder, 'src');
  if (existsSync(src)) return shippedFiles();
  for (const copy of all(build, 'COPY')) {
    for (const path of sourcesOf(copy)) {
      await mkdir(join(src, path, '..'), { recursive: true });
      await cp(join(project, path), join(src, path), { recursive: true });
    }
  }
  await symlink(join(project, 'node_modules'), join(src, 'node_modules'));
  await promisify(execFile)(process.execPath, ['esbuild.config.mjs'], { cwd: src, env: { PATH: '' } });
  return shippedFiles();
}

const shippedFiles = () =>
  all(image, 'COPY')
    .flatMap(sourcesOf)
    .map((path) => basename(path));

/** A folder with the files of the image's own folder, and nothing above it that the relay could find. */
async function imitateImage(): Promise<string> {
  await imitateBuild();
  const app = join(folder, 'app');
  await mkdir(app, { recursive: true });
  for (const path of all(image, 'COPY').flatMap(sourcesOf)) {
    await copyFile(join(folder, path), join(app, basename(path)));
  }
  return app;
}

/** The exit code. */
async function run(cwd: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const child = spawn(process.execPath, [...args], { cwd, env, stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  return code as number;
}
