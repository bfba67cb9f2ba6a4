import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { build } from '../../esbuild.config.mjs';

const project = fileURLToPath(new URL('../../', import.meta.url));

interface Component {
  readonly 'bom-ref': string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly object[];
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

let out = '';
let text = '';
let components: readonly Component[] = [];

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'sbom-'));
  await build({ root: project, out });
  text = await readFile(join(out, 'sbom.json'), 'utf8');
  components = JSON.parse(text).components;
});
afterAll(() => rm(out, { recursive: true, force: true }));

it('has every package whose code is in a bundle, with the bundles that it is in, and nothing else', async () => {
  const found = Object.fromEntries(
    components.map((component) => [nameOf(component), component.properties.map(({ value }) => value)]),
  );

  expect(found).toEqual(await packagesBySourceMaps());
  expect(Object.keys(found).length).toBeGreaterThan(20);
});

it('names the version that is installed and locked, with its licence and the hash of its archive', async () => {
  const lock = JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8')).packages;

  for (const component of components) {
    const folder = folderOf(component, lock);
    const installed = JSON.parse(await readFile(join(project, folder, 'package.json'), 'utf8'));
    expect(component).toMatchObject({
      version: installed.version,
      licenses: [{ license: { id: installed.license } }],
      purl: `pkg:npm/${nameOf(component).replace('@', '%40')}@${lock[folder].version}`,
      hashes: [{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) }],
    });
    const digest = Buffer.from(component.hashes[0]!.content, 'hex').toString('base64');
    expect(lock[folder].integrity).toBe(`sha512-${digest}`);
  }
});

it('is CycloneDX 1.6 in the parts that it has', () => {
  const { dependencies, ...sbom } = JSON.parse(text);

  expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 });
  const refs = [sbom.metadata.component['bom-ref'], ...components.map((component) => component['bom-ref'])];
  expect(new Set(refs).size).toBe(refs.length);
  expect(dependencies.map(({ ref }: { ref: string }) => ref)).toEqual(refs);
  for (const { dependsOn } of dependencies) {
    expect(dependsOn.filter((ref: string) => !refs.includes(ref))).toEqual([]);
    expect(new Set(dependsOn).size).toBe(dependsOn.length);
  }
});

it('says what the project itself imports', async () => {
  const { dependencies } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
  const bundled = components.map(nameOf);
  const own = Object.entries<string>(dependencies).map(([name, range]) => /^npm:(.+)@/.exec(range)?.[1] ?? name);

  const [root] = JSON.parse(text).dependencies;
  const told = components.filter((component) => root.dependsOn.includes(component['bom-ref'])).map(nameOf);
  expect(told.toSorted()).toEqual(own.filter((name) => bundled.includes(name)).toSorted());
});

it('has nothing in it that changes from build to build', () => {
  // That all files of two builds are the same, bundles.test.ts asserts.
  expect(text).not.toMatch(/serialNumber|timestamp/);
  expect(text).not.toContain(project);
});

function nameOf({ group, name }: Component): string {
  return group === undefined ? name : `${group}/${name}`;
}

/** Where it is installed: under its own name, or under the alias that package.json gives it. */
function folderOf(component: Component, lock: Record<string, { name?: string }>): string {
  const name = nameOf(component);
  const alias = Object.keys(lock).find((path) => lock[path]?.name === name && path !== '');
  return alias ?? `node_modules/${name}`;
}

/** Another way to tell what is in a bundle: the sources that its map leads back to. */
async function packagesBySourceMaps(): Promise<Record<string, string[]>> {
  const found: Record<string, Set<string>> = {};
  for (const file of await readdir(out, { recursive: true })) {
    const bundle = /^(?:functions\/(\w+)|(relay))\/.*\.map$/.exec(file);
    if (bundle === null) continue;
    const { sources }: { sources: string[] } = JSON.parse(await readFile(join(out, file), 'utf8'));
    for (const source of sources) {
      const folder = /(?:node_modules\/(?:@[^/]+\/)?[^/]+\/)+/.exec(source)?.[0];
      if (folder === undefined) continue;
      const manifest = JSON.parse(await readFile(join(project, folder, 'package.json'), 'utf8'));
      found[manifest.name] ??= new Set();
      found[manifest.name]?.add(bundle[1] ?? bundle[2] ?? '');
    }
  }
  return Object.fromEntries(Object.entries(found).map(([name, bundles]) => [name, [...bundles].toSorted()]));
}
