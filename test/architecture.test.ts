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

it('keeps the domain free of clocks, randomness, environment and log', () => {
  const impure = /\b(Date|performance|process|console|crypto|setTimeout|fetch)\b|Math\.random/;
  const code = (file: string) => readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  expect(sources('lib/domain').filter((file) => impure.test(code(file)))).toEqual([]);
});
