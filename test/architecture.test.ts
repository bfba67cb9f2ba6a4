import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Layers from the outermost to the innermost: an import may stay in its layer or go inwards. */
const LAYERS: readonly (readonly string[])[] = [
  ['functions/'],
  ['lib/compose.ts', 'lib/compose-health.ts'],
  ['lib/adapters/', 'lib/placement/', 'lib/api/', 'lib/config/', 'lib/relay/', 'lib/client/'],
  ['lib/app/'],
  ['lib/domain/'],
];

interface Import {
  readonly from: string;
  readonly to: string;
}

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
  return specifiers.map((specifier) => ({
    from: file,
    to: specifier.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), specifier)) : specifier,
  }));
}

/** Without comments. */
function codeOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
}

function layerOf(file: string): number {
  return LAYERS.findIndex((prefixes) => prefixes.some((prefix) => file.startsWith(prefix)));
}

const all = [...sources('lib'), ...sources('functions')].flatMap(importsOf);
const own = all.filter(({ to }) => to.endsWith('.ts'));

it('finds the imports that it judges', () => {
  expect(own).toContainEqual({ from: 'lib/app/fleet-views.ts', to: 'lib/domain/fleet.ts' });
  expect(own.length).toBeGreaterThan(50);
});

it('lets imports point inwards only', () => {
  expect(own.filter(({ from, to }) => layerOf(to) < layerOf(from))).toEqual([]);
});

it('keeps what is deployed apart from what runs on a developer machine', () => {
  expect(own.filter(({ to }) => layerOf(to) === -1)).toEqual([]);
});

it('lets an adapter use no other adapter than the HTTP client', () => {
  const folder = (file: string) => /^lib\/adapters\/([^/]+)\//.exec(file)?.[1];
  const across = own.filter(({ from, to }) => folder(from) && folder(to) && folder(from) !== folder(to));
  expect(across.filter(({ to }) => folder(to) !== 'http')).toEqual([]);
});

it('keeps the domain and the use cases free of other packages and of Node', () => {
  const inner = all.filter(({ from, to }) => layerOf(from) >= layerOf('lib/app/') && !to.endsWith('.ts'));
  expect(inner.filter(({ to }) => to !== 'zod/mini')).toEqual([]);
});

it('has no two files that import each other, over however many others', () => {
  const imports = Map.groupBy(own, ({ from }) => from);
  const cycles: string[][] = [];
  const done = new Set<string>();
  function follow(file: string, path: readonly string[]): void {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file]);
    if (done.has(file)) return;
    done.add(file);
    for (const { to } of imports.get(file) ?? []) follow(to, [...path, file]);
  }
  for (const file of imports.keys()) follow(file, []);
  expect(cycles).toEqual([]);
});

/** What ties code to the process it runs in, and the only files that may have it; all others are given it. */
const PLACES: Readonly<Record<string, { readonly pattern: RegExp; readonly files: readonly string[] }>> = {
  'the environment': { pattern: /\bprocess\.env\b/, files: ['functions/*'] },
  'the wall clock': {
    pattern: /\bDate\.now\b|new Date\(\)/,
    files: ['lib/compose.ts', 'lib/compose-health.ts', 'lib/adapters/log/create-log.ts', 'functions/relay.ts'],
  },
  // The client runs in somebody else's program, which composes nothing for it.
  'the monotonic clock': {
    pattern: /\bperformance\.(now|timeOrigin)\b/,
    files: ['lib/compose.ts', 'functions/relay.ts', 'lib/client/create-client.ts'],
  },
  randomness: {
    pattern: /\bMath\.random\b/,
    files: [
      'lib/compose.ts',
      'lib/adapters/nats/nats-door.ts',
      'lib/adapters/redis/redis-client.ts',
      'lib/client/create-client.ts',
      'functions/relay.ts',
    ],
  },
  fetch: { pattern: /(?<!\.)\bfetch\(|\bglobalThis\.fetch\b/, files: ['lib/client/http-client.ts'] },
  console: { pattern: /\bconsole\./, files: [] },
};

/** The console's page runs in a browser, and has nothing of ours to be given. */
const deployed = [...sources('lib'), ...sources('functions')].filter(
  (file) => !file.startsWith('functions/console/page/'),
);

it.each(Object.entries(PLACES))('uses %s only where it is listed', (_, { pattern, files }) => {
  const listed = (file: string) => files.some((entry) => entry === file || entry === `${dirname(file)}/*`);
  const using = deployed.filter((file) => pattern.test(codeOf(file)));
  expect(using.filter((file) => !listed(file))).toEqual([]);
});

it('lists no place that needs it no more', () => {
  const needless = Object.values(PLACES).flatMap(({ pattern, files }) =>
    files.filter((file) => !file.endsWith('*') && !pattern.test(codeOf(file))),
  );
  expect(needless).toEqual([]);
});

it('keeps the domain free of clocks, randomness, environment and log', () => {
  const impure = /\b(Date|performance|process|console|crypto|setTimeout|fetch)\b|Math\.random/;
  expect(sources('lib/domain').filter((file) => impure.test(codeOf(file)))).toEqual([]);
});
