import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { SECRET_NAMES } from '../../lib/config/allocator-config.ts';

const text = (file: string) => readFile(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
const runbook = await text('deploy/README.md');
const { params, service } = parse(await text('serverless.yml'));
const { Resources: alarms } = parse(await text('deploy/aws/alarms.yml'));

it('gives parameters that there are', () => {
  const given = [...runbook.matchAll(/--param="(\w+)=/g)].map(([, name]) => name);

  expect(given.length).toBeGreaterThan(10);
  expect(given.filter((name) => !(name! in params.default))).toEqual([]);
});

it('says for each alarm what to do', () => {
  const names = Object.values<{ Properties: { AlarmName?: string } }>(alarms).flatMap(({ Properties }) =>
    Properties.AlarmName === undefined ? [] : [Properties.AlarmName.replace(`\${self:service}-\${sls:stage}-`, '')],
  );
  const rows = [...runbook.matchAll(/^\| (`[^|]+`) \| [^|]+ \| [^|]+ \|$/gm)].map(([, first]) => first);
  const told = rows.flatMap((row) => [...row!.matchAll(/`([\w-]+)`/g)].map(([, name]) => name));

  expect(told.toSorted()).toEqual(names.toSorted());
});

it('names secrets that are read', () => {
  const named = [...runbook.matchAll(/(?:\/game-allocator\/prod|\.\.\.)\/([a-z-]+)`/g)].map(([, name]) => name!);

  const known = SECRET_NAMES.map((name) => name.toLowerCase().replaceAll('_', '-'));
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
  expect(runbook).toContain(`--name ${params.default.relaySsmPath.replace(`\${sls:stage}`, 'prod')}/nats-nkey-seed`);
});

it('names files, functions and log groups as they are', async () => {
  for (const [, file] of runbook.matchAll(/-f (deploy\/\S+)/g)) await expect(text(file!)).resolves.not.toBe('');
  const groups = [...runbook.matchAll(/\/(?:aws\/lambda|ecs)\/([\w-]+)/g)].map(([, name]) => name);
  expect(groups).toEqual([`${service}-prod-batch`, `${service}-prod-relay`]);
});
