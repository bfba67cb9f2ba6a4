import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The number that `file` gives the constant `name`; they are nobody else's to import. */
export async function constantIn(file: string, name: string): Promise<number> {
  const text = await readFile(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
  const digits = new RegExp(`const ${name} = ([\\d_.]+);`).exec(text)?.[1];
  if (digits === undefined) throw new Error(`${file} has no constant ${name}`);
  return Number(digits.replaceAll('_', ''));
}
