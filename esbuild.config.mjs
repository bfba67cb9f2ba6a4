// Builds what is deployed: one folder per function in dist/functions (its zip), and the relay in dist/relay; and what
// the package gives to developers: the command line in dist/cli, the typed client in dist/client.
// Run as `node esbuild.config.mjs`; tests call build() with folders of their own.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { parse } from 'yaml';
import { billOfMaterials } from './deploy/sbom.mjs';
import { consolePage } from './functions/console/build-page.mjs';

const PROJECT = dirname(fileURLToPath(import.meta.url));

/** @type {import('esbuild').BuildOptions} */
const COMMON = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // module before main: client-ssm's CommonJS build is 60 % larger.
  mainFields: ['module', 'main'],
  minify: true,
  // What is imported lazily (client-ssm, 390 KB) stays in chunks of its own, which a start does not read.
  splitting: true,
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunks/[name]-[hash]',
  loader: { '.lua': 'text' },
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
};

/**
 * Builds every function named in serverless.yml from functions/<name>.ts, and the relay from functions/relay.ts.
 * Writes <out>/meta.json: esbuild's metafile of each, by name; and, of a project with a lockfile, <out>/sbom.json: the
 * packages that are in them. A file that stays the same is not touched, so a build
 * beside a running local stack takes nothing away from it.
 * @param {{ root?: string, out?: string, relay?: boolean }} [options] `relay: false` leaves the relay out
 */
export async function build({ root = PROJECT, out = join(root, 'dist'), relay = true } = {}) {
  const names = await functionNames(root);
  const bundles = names.map((name) => ({ name, folder: join(out, 'functions', name), file: 'index' }));
  if (relay) bundles.push({ name: 'relay', folder: join(out, 'relay'), file: 'relay' });
  const metafiles = await Promise.all(bundles.map((bundle) => buildOne(root, bundle)));
  const meta = Object.fromEntries(
    bundles.map(({ name }, index) => [name, /** @type {esbuild.Metafile} */ (metafiles[index])]),
  );
  await writeFolder(join(out, 'functions'), new Map(), names);
  await writeWhole(join(out, 'meta.json'), Buffer.from(JSON.stringify(meta)));
  const lock = await readJson(join(root, 'package-lock.json'));
  if (lock === undefined) return;
  const sbom = billOfMaterials(meta, lock.packages, await readJson(join(root, 'package.json')));
  await writeWhole(join(out, 'sbom.json'), Buffer.from(`${JSON.stringify(sbom, undefined, 2)}\n`));
}

/** Undefined where there is no such file. @param {string} path */
async function readJson(path) {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

/** @param {string} root @param {{ name: string, folder: string, file: string }} bundle */
async function buildOne(root, { name, folder, file }) {
  const { outputFiles, metafile } = await esbuild.build({
    ...COMMON,
    absWorkingDir: root,
    entryPoints: [{ in: join(root, 'functions', `${name}.ts`), out: file }],
    outdir: folder,
    write: false,
    metafile: true,
    // One file for the relay: it starts seldom, and its map then covers all of it.
    splitting: name !== 'relay',
    // A function's map stays out of its zip, so nothing may point to it.
    sourcemap: name === 'relay' ? 'linked' : 'external',
    plugins: [builtinsWithoutEsm(), consolePage()],
  });
  /** @type {Map<string, Uint8Array>} */
  const files = new Map(outputFiles.map(({ path, contents }) => [relative(folder, path), contents]));
  for (const script of await usedScripts(root, metafile)) files.set(basename(script), await readFile(script));
  await writeFolder(folder, files);
  return metafile;
}

/**
 * Builds what the package's `bin` and `exports` name, for Node 20 too: dist/cli and dist/client.
 * @param {{ out?: string }} [options]
 */
export async function buildTools({ out = join(PROJECT, 'dist') } = {}) {
  await Promise.all([buildCli(join(out, 'cli')), buildClient(join(out, 'client'))]);
}

/** @param {string} folder */
async function buildCli(folder) {
  const { outputFiles, metafile } = await esbuild.build({
    ...COMMON,
    target: 'node20',
    absWorkingDir: PROJECT,
    entryPoints: [{ in: join(PROJECT, 'dev/cli/main.ts'), out: 'game-allocator' }],
    outdir: folder,
    minify: false, // what goes wrong is read by whoever typed the command
    chunkNames: '[name]-[hash]', // side by side: scripts are read from beside the code that runs them
    write: false,
    metafile: true,
    plugins: [builtinsWithoutEsm()],
  });
  /** @type {Map<string, Uint8Array>} */
  const files = new Map(outputFiles.map(({ path, contents }) => [relative(folder, path), contents]));
  const program = 'game-allocator.mjs';
  files.set(program, Buffer.concat([Buffer.from('#!/usr/bin/env node\n'), files.get(program) ?? new Uint8Array()]));
  for (const script of await usedScripts(PROJECT, metafile)) files.set(basename(script), await readFile(script));
  await writeFolder(folder, files);
  await chmod(join(folder, program), 0o755);
}

/** @param {string} folder */
async function buildClient(folder) {
  const { outputFiles } = await esbuild.build({
    ...COMMON,
    target: 'node20',
    platform: 'neutral',
    absWorkingDir: PROJECT,
    entryPoints: [{ in: join(PROJECT, 'lib/client/index.ts'), out: 'index' }],
    outdir: folder,
    write: false,
    splitting: false,
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [relative(folder, path), contents]));
  for (const [name, contents] of await declarations()) files.set(join('types', name), contents);
  await writeFolder(folder, files);
}

/**
 * The client's .d.ts files and those of what it imports, by their paths below lib.
 * @returns {Promise<Map<string, Uint8Array>>}
 */
async function declarations() {
  const folder = await mkdtemp(join(tmpdir(), 'declarations-'));
  try {
    await promisify(execFile)(process.execPath, [
      ...[join(PROJECT, 'node_modules/typescript/bin/tsc'), '--project', join(PROJECT, 'lib/client/tsconfig.json')],
      ...['--outDir', folder],
    ]);
    const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.d.ts'));
    /** @type {Map<string, Uint8Array>} */
    const files = new Map();
    for (const name of names) files.set(name, await readFile(join(folder, name)));
    return files;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Turns imports of Node's own modules into process.getBuiltinModule. An ESM import of a builtin reads every export
 * to make its namespace, and for node:http one of them (WebSocket) loads Node's bundled undici: 30 ms of each cold
 * start. It also gives CommonJS packages their `require('fs')`, which does not exist in an ESM bundle.
 * @returns {import('esbuild').Plugin}
 */
export function builtinsWithoutEsm() {
  return {
    name: 'builtins-without-esm',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (!isBuiltin(path)) return undefined;
        const name = path.startsWith('node:') ? path : `node:${path}`;
        const namespace = kind === 'dynamic-import' ? 'builtin-dynamic' : 'builtin';
        return { path: name, namespace, sideEffects: false };
      });
      build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
        contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      }));
      // What import() gives must have the exports by name, which esbuild does not make for a CommonJS module.
      build.onLoad({ filter: /.*/, namespace: 'builtin-dynamic' }, ({ path }) => ({ contents: asEsModule(path) }));
    },
  };
}

/**
 * Plain exports only: the getters (http.WebSocket among them) are what must not be read, and nobody imports them.
 * @param {string} name
 */
function asEsModule(name) {
  const exported = Object.entries(Object.getOwnPropertyDescriptors(process.getBuiltinModule(name) ?? {}));
  const names = exported.filter(([key, { get }]) => get === undefined && key !== 'default').map(([key]) => key);
  const lines = names.map(
    (key, index) => `const e${index} = m[${JSON.stringify(key)}]; export { e${index} as ${key} };`,
  );
  return [`const m = process.getBuiltinModule(${JSON.stringify(name)});`, 'export default m;', ...lines].join('\n');
}

/**
 * Lua files beside the sources in a bundle: they are read at run time from beside the code that runs them.
 * @param {string} root @param {import('esbuild').Metafile} metafile
 */
async function usedScripts(root, metafile) {
  // Not metafile.inputs, which also names what tree shaking removed.
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const own = inputs.filter(([input, { bytesInOutput }]) => bytesInOutput > 0 && !/node_modules\/|^\w+:/.test(input));
  const folders = [...new Set(own.map(([input]) => join(root, dirname(input))))];
  const found = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).map((file) => join(folder, file))),
  );
  return found.flat().filter((file) => file.endsWith('.lua'));
}

/**
 * Makes `folder` hold exactly these files (and the folders named in `keep`): an old chunk would go into the zip.
 * @param {string} folder @param {ReadonlyMap<string, Uint8Array>} files @param {readonly string[]} [keep]
 */
async function writeFolder(folder, files, keep = []) {
  for (const [name, contents] of files) await writeWhole(join(folder, name), contents);
  for (const entry of await readdir(folder, { recursive: keep.length === 0, withFileTypes: true })) {
    const name = relative(folder, join(entry.parentPath, entry.name));
    const wanted = keep.length > 0 ? keep.includes(name) : entry.isDirectory() || files.has(name);
    if (!wanted) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** @param {string} path @param {Uint8Array} contents */
async function writeWhole(path, contents) {
  const known = await readFile(path).catch(() => undefined);
  if (known?.equals(contents)) return;
  await mkdir(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}.new`;
  await writeFile(unfinished, contents);
  await rename(unfinished, path);
}

/** @param {string} root @returns {Promise<string[]>} */
async function functionNames(root) {
  const { functions } = parse(await readFile(join(root, 'serverless.yml'), 'utf8'));
  return Object.keys(functions);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const startedAt = performance.now();
  // The relay's image is built without what is for developers.
  const forDevelopers = existsSync(join(PROJECT, 'dev/cli'));
  await Promise.all([build(), ...(forDevelopers ? [buildTools()] : [])]);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`built ${relative(process.cwd(), join(PROJECT, 'dist'))} in ${seconds} s`);
}
