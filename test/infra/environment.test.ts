import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { SECRET_NAMES } from '../../lib/config/allocator-config.ts';
import { FunctionVariables } from '../../lib/config/function-config.ts';

const read = async (file: string) => parse(await readFile(fileURLToPath(new URL(file, import.meta.url)), 'utf8'));
const environment: Record<string, string> = await read('../../deploy/aws/environment.yml');
const { params } = await read('../../serverless.yml');

/** Settings that a deployed function does not get, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(SECRET_NAMES.map((name) => [name, 'a secret: read from SSM'])),
  REDIS_HOST: 'Redis over TCP, which a function does not use',
  REDIS_PORT: 'the same',
  REDIS_DB: 'the same',
  ASSIGN_SUBJECT: 'NATS, which a function does not use',
  TRACE_CALLER: 'needs the source map, which is not in the zip',
  ALLOW_ANONYMOUS: 'refused anywhere but on a developer machine',
};

it('passes on every setting of the configuration, and nothing else', () => {
  const settings = Object.keys(FunctionVariables.shape).filter((name) => !(name in LEFT_OUT));

  expect(Object.keys(environment).toSorted()).toEqual(settings.toSorted());
});

it('has no secret in it', () => {
  expect(Object.keys(environment).filter((name) => /TOKEN|PASSWORD|SECRET|SEED/.test(name))).toEqual([]);
});

it('makes a parameter of each, by the name of the setting', () => {
  const given: Readonly<Record<string, string>> = {
    SERVICE_NAME: `\${self:service}`,
    STAGE: `\${sls:stage}`,
    LOG_FORMAT: 'json',
    UPSTASH_REDIS_REST_URL: `\${param:upstashUrl}`,
  };
  for (const [name, value] of Object.entries(environment)) {
    expect([name, value]).toEqual([name, given[name] ?? `\${param:${camelCase(name)}}`]);
  }
});

it('takes each parameter from the environment of whoever deploys, under the name of the setting', () => {
  const fixed = ['SERVICE_NAME', 'STAGE', 'LOG_FORMAT', 'SSM_PATH', 'LOG_LEVEL'];
  for (const [name, value] of Object.entries(environment).filter(([each]) => !fixed.includes(each))) {
    const param = /param:(\w+)/.exec(value)?.[1] ?? '';
    expect([param, params.default[param]]).toEqual([param, `\${env:${name}, ''}`]);
  }
});

it('uses every parameter that it has', async () => {
  const files = ['../../serverless.yml', ...(await awsFiles()).map((file) => `../../deploy/aws/${file}`)];
  files.push('../../deploy/relay-principal.cjs');
  const texts = await Promise.all(files.map((file) => readFile(fileURLToPath(new URL(file, import.meta.url)), 'utf8')));
  const text = texts.join('\n');

  const unused = Object.keys(params.default).filter(
    (name) => !text.includes(`param:${name}`) && !text.includes(`'${name}'`),
  );
  expect(unused).toEqual([]);
});

it('gives the relay settings that it knows', async () => {
  const { Resources } = await read('../../deploy/aws/relay-service.yml');
  const [container] = Resources.RelayTask.Properties.ContainerDefinitions;
  const given: string[] = container.Environment.map(({ Name }: { Name: string }) => Name);
  const names = [...given, 'NATS_NKEY_SEED', 'NATS_TOKEN', 'NATS_PASSWORD'];

  const folder = fileURLToPath(new URL('../../lib/config/', import.meta.url));
  const sources = await Promise.all((await readdir(folder)).map((file) => readFile(folder + file, 'utf8')));
  const unknown = names.filter((name) => !sources.some((source) => source.includes(`  ${name}: `)));
  expect(unknown).toEqual([]);
});

async function awsFiles(): Promise<string[]> {
  return readdir(fileURLToPath(new URL('../../deploy/aws', import.meta.url)));
}

function camelCase(name: string): string {
  return name.toLowerCase().replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
