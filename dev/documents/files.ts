import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildAsyncApi } from './asyncapi.ts';
import type { Contract } from './contract.ts';
import type { Examples } from './examples.ts';
import { buildOpenApi } from './openapi.ts';

const EXAMPLES = 'examples.json';

/** What was recorded last; undefined: nothing yet. */
export async function readExamples(folder: string): Promise<Examples | undefined> {
  const text = await readIfThere(join(folder, EXAMPLES));
  return text === undefined ? undefined : (JSON.parse(text) as Examples);
}

export async function writeExamples(folder: string, examples: Examples): Promise<void> {
  await writeFile(join(folder, EXAMPLES), toText(examples));
}

/** The documents as they are to be, by their file's name. */
export function makeDocuments(contract: Contract, examples: Examples): ReadonlyMap<string, string> {
  return new Map([
    ['openapi.json', toText(buildOpenApi(contract, examples))],
    ['asyncapi.json', toText(buildAsyncApi(contract, examples))],
  ]);
}

/** Writes them, and gives the names of those that were not so before. */
export async function writeDocuments(folder: string, documents: ReadonlyMap<string, string>): Promise<string[]> {
  const changed = await differing(folder, documents);
  for (const name of changed) await writeFile(join(folder, name), documents.get(name) ?? '');
  return changed;
}

/** The names of those whose file in `folder` has another text, or none. */
export async function differing(folder: string, documents: ReadonlyMap<string, string>): Promise<string[]> {
  const names = [...documents.keys()];
  const files = await Promise.all(names.map((name) => readIfThere(join(folder, name))));
  return names.filter((name, index) => files[index] !== documents.get(name));
}

function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

function toText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
