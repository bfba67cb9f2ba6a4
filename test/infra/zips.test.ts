import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startLambdaHost } from '../../dev/lambda-host/start-lambda-host.ts';
import { build } from '../../esbuild.config.mjs';
import { unzip } from '../dev/unzip.ts';
import { PACKAGING_LIMIT_MS, packageService } from '../support/package-service.ts';
import { readTemplate, type Template } from './template.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
/** Bytes that a zip may have. What a start reads of it is a third at the most: see the bench. */
const LIMITS: Readonly<Record<string, number>> = { health: 20_000 };
const LIMIT = 300_000;
/** All but names of modules: a token or key that somebody left in the sources would look like one of these. */
const SECRETS = /canary-|AKIA[0-9A-Z]{16}|-----BEGIN|SU[A-Z2-7]{56}|xox[bp]-|ghp_\w{36}/;

const folders: string[] = [];
let packages: [string, string];
let template: Template;
let names: string[] = [];

beforeAll(async () => {
  await build();
  packages = [await folder(), await folder()];
  for (const each of packages) await packageService(each, 'prod');
  template = await readTemplate(packages[0]);
  names = (await readdir(packages[0])).filter((file) => file.endsWith('.zip')).map((file) => file.slice(0, -4));
}, PACKAGING_LIMIT_MS);
afterAll(() => Promise.all(folders.map((each) => rm(each, { recursive: true, force: true }))));

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'zips-'));
  folders.push(made);
  return made;
}

const zipOf = (name: string, of = packages[0]) => join(of, `${name}.zip`);

it('has a zip for each function, with its handler in it', async () => {
  const described = Object.values(template.ofType('AWS::Lambda::Function')).map(({ Properties }) => Properties);
  expect(names.toSorted()).toEqual(described.map(({ FunctionName }) => FunctionName.split('-').at(-1)).toSorted());

  for (const { Code, Handler } of described) {
    const name = Code.S3Key.split('/').at(-1).replace('.zip', '');
    const files = await unzip(zipOf(name), await folder());
    expect(Handler).toBe(`dist/functions/${name}/index.handler`);
    expect(files).toContain(Handler.replace('.handler', '.mjs'));
  }
});

it('makes the same bytes twice', async () => {
  for (const name of names) {
    const [first, second] = await Promise.all(packages.map((each) => checksum(zipOf(name, each))));
    expect([name, second]).toEqual([name, first]);
  }
});

it('has nothing in a zip but the bundle of its function: no source map, no development file, no secret', async () => {
  for (const name of names) {
    const root = await folder();
    const files = await unzip(zipOf(name), root);
    const expected = /^dist\/functions\/(\w+)\/(index\.mjs|chunks\/[\w-]+\.mjs|place\.lua)$/;
    expect(files.filter((file) => expected.exec(file)?.[1] !== name)).toEqual([]);
    for (const file of files) {
      const text = await readFile(join(root, file), 'utf8');
      expect([file, SECRETS.exec(text)?.[0]]).toEqual([file, undefined]);
      expect([file, text.includes('sourceMappingURL')]).toEqual([file, false]);
      // Names of files on the machine that built it.
      expect([file, text.includes(project)]).toEqual([file, false]);
    }
  }
});

it('keeps zips small', async () => {
  for (const name of names) {
    expect([name, (await stat(zipOf(name))).size < (LIMITS[name] ?? LIMIT)]).toEqual([name, true]);
  }
});

it('starts each function with the environment of the template, and answers by the Runtime API', async () => {
  for (const name of names) {
    const root = await folder();
    await unzip(zipOf(name), root);
    // Read by the host alone; a function has nothing but its zip and Node.
    await copyFile(join(project, 'serverless.yml'), join(root, 'serverless.yml'));
    const variables = template.properties(`${name[0]?.toUpperCase()}${name.slice(1)}LambdaFunction`).Environment
      .Variables;
    const logFile = join(root, 'log');
    const host = await startLambdaHost({ root, env: { ...variables, ...NOWHERE }, logFile });
    try {
      const url = `${host.url}/2015-03-31/functions/${name}/invocations`;
      const response = await fetch(url, { method: 'POST', body: JSON.stringify(EVENTS[name] ?? null) });

      expect([name, response.status, response.headers.get('x-amz-function-error')]).toEqual([name, 200, null]);
      expect([name, await response.json()]).toEqual([name, ANSWERS[name]]);
    } finally {
      await host.stop();
    }
    const figures = (await readFile(logFile, 'utf8')).split('\n').filter((line) => line.startsWith('{"_aws"'));
    expect([name, figures.map((line) => JSON.parse(line))]).toEqual([name, FIGURES[name] ?? []]);
  }
});

/** Redis and Consul that refuse connections, and secrets without SSM. */
const NOWHERE = {
  SSM_PATH: '',
  UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9',
  UPSTASH_REDIS_REST_TOKEN: 'x',
  CONSUL_URL: 'http://127.0.0.1:9',
  PROMETHEUS_URL: 'off',
};
const PATIENT = { op: 'assign', request: { game_id: 'g' }, budget_ms: 5000 };
/** Plain invokes, which come in without a token. */
const EVENTS: Readonly<Record<string, unknown>> = {
  batch: { v: 1, items: [PATIENT, { op: 'later', request: {} }] },
  assign: { game_id: '' },
};
const notFound = { success: false, code: 'not_found', retryable: false, message: expect.any(String) };
const unknownOp = { success: false, code: 'invalid_request', retryable: false, message: 'op is not known.' };
const ANSWERS: Readonly<Record<string, unknown>> = {
  batch: { v: 1, items: [expect.objectContaining({ success: false, code: 'upstream_unavailable' }), unknownOp] },
  assign: expect.objectContaining({ success: false, code: 'invalid_request' }),
  // Which of their operations is meant only a route of the HTTP API tells: test/dev/bundles.test.ts asks by those.
  games: notFound,
  services: notFound,
  fleet: notFound,
  console: {}, // its page is for HTTP
  health: { status: 'ok', service: 'game-allocator' },
};
/** The figures that each must have logged by then. */
const FIGURES: Readonly<Record<string, unknown>> = {
  batch: [expect.objectContaining({ Stage: 'prod', replies: 2, upstream_unavailable: 1, invalid_request: 1 })],
  assign: [expect.objectContaining({ Stage: 'prod', replies: 1, invalid_request: 1 })],
};

async function checksum(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
