import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

interface Locked {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: true;
}

const manifest = JSON.parse(await readFile('package.json', 'utf8'));
const lock = JSON.parse(await readFile('package-lock.json', 'utf8'));
const { '': root, ...locked }: Record<string, Locked> = lock.packages;

it('asks for every package in one exact version, and the lockfile asks for the same', () => {
  const wanted: Record<string, string> = { ...manifest.dependencies, ...manifest.devDependencies };

  for (const range of Object.values<string>({ ...wanted, ...manifest.overrides })) {
    expect(range).toMatch(/^(npm:(@[\w-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/);
  }
  const { dependencies, devDependencies } = root as unknown as typeof manifest;
  expect({ ...dependencies, ...devDependencies }).toEqual(wanted);
  for (const [name, range] of Object.entries(wanted)) {
    expect(locked[`node_modules/${name}`]?.version).toBe(range.slice(range.lastIndexOf('@') + 1));
  }
});

it('takes every package from the registry, with the hash of what it was', () => {
  expect(Object.keys(locked).length).toBeGreaterThan(100);
  for (const { resolved, integrity } of Object.values(locked)) {
    expect(resolved ?? 'https://registry.npmjs.org/').toMatch(/^https:\/\/registry\.npmjs\.org\//);
    expect(integrity).toMatch(/^sha512-[\w+/]{86}==$/);
  }
});

it('says by name which packages may run a script when they are installed, and npm refuses all others', async () => {
  const scripted = Object.entries(locked).flatMap(([path, { hasInstallScript }]) =>
    hasInstallScript ? [path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)] : [],
  );

  expect(Object.keys(manifest.allowScripts).toSorted()).toEqual([...new Set(scripted)].toSorted());
  expect(Object.values(manifest.allowScripts).every((allowed) => typeof allowed === 'boolean')).toBe(true);
  expect(await npmSetting('strict-allow-scripts')).toBe('true');
});

/** As npm reads it in this folder. */
async function npmSetting(name: string): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', ['config', 'get', name]);
  return stdout.trim();
}
