import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Secret {
  readonly name: string;
  readonly value: string;
}

/** What a secret looks like in one of the ways in which text is written down. */
interface Needle {
  readonly secret: string;
  readonly form: string;
  readonly text: string;
}

/** A secret that is somewhere where it must not be. */
export interface Finding {
  readonly file: string;
  readonly secret: string;
  /** How it is written there. */
  readonly forms: readonly string[];
}

/** Shorter pieces are found in any text. */
const LEAST_PIECE = 12;
/** What secrets are made of, in each of the forms. */
const CHARACTERS = String.raw`\w+/=%\-`;

/**
 * Looks for `secrets` in every file below `folder` but those named in `except`: as they are, as they stand in a URL, in
 * JSON, in base64 (at any place of a longer text) and in hexadecimal, and the part behind `prefix` alone. `prefix`
 * itself is looked for too, so that secrets are found that nobody told of.
 */
export async function findSecrets(
  folder: string,
  { secrets, prefix, except = [] }: { secrets: readonly Secret[]; prefix: string; except?: readonly string[] },
): Promise<readonly Finding[]> {
  const odd = secrets.find(({ value }) => !new RegExp(`^[${CHARACTERS}]+$`).test(value));
  if (odd !== undefined) throw new Error(`${odd.name} has characters by which texts are taken apart here.`);
  const needles = [
    ...secrets.flatMap(({ name, value }) => [...needlesOf(name, value), ...piecesOf(name, value, prefix)]),
    ...needlesOf(`${prefix}...`, prefix),
  ];
  const findings: Finding[] = [];
  for (const file of await filesIn(folder)) {
    if (except.includes(file)) continue;
    const words = distinctWords(await readFile(join(folder, file), 'utf8'), prefix.length);
    const lower = words.toLowerCase();
    const found = needles.filter(({ form, text }) =>
      form === 'plain' ? lower.includes(text.toLowerCase()) : words.includes(text),
    );
    for (const secret of new Set(found.map((needle) => needle.secret))) {
      const forms = found.filter((needle) => needle.secret === secret).map(({ form }) => form);
      findings.push({ file, secret, forms: [...new Set(forms)] });
    }
  }
  return findings;
}

/** Each word of a text once: logs and replies say the same over and over, and there are thousands of needles. */
function distinctWords(text: string, leastLength: number): string {
  return [...new Set(text.match(new RegExp(`[${CHARACTERS}]{${leastLength},}`, 'g')))].join('\n');
}

/** Names of all files below `folder`, relative to it. */
export async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1)).toSorted();
}

function needlesOf(secret: string, value: string): Needle[] {
  const forms: Readonly<Record<string, readonly string[]>> = {
    plain: [value],
    URL: [encodeURIComponent(value), value.replaceAll('-', '%2D')],
    JSON: [JSON.stringify(value).slice(1, -1)],
    base64: base64Of(value),
    base64url: base64Of(value).map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    hex: [Buffer.from(value).toString('hex')],
  };
  return Object.entries(forms).flatMap(([form, texts]) => texts.map((text) => ({ secret, form, text })));
}

/** What surely stands in the base64 of any text that has `value` in it: it depends on where in the text that begins. */
function base64Of(value: string): string[] {
  return [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(value)]);
    const text = bytes.toString('base64').replaceAll('=', '');
    // The first characters hold bits of what stands before, the last one bits of what follows.
    const from = Math.ceil((before * 8) / 6);
    return text.slice(from, Math.floor((bytes.length * 8) / 6));
  });
}

function piecesOf(secret: string, value: string, prefix: string): Needle[] {
  const random = value.startsWith(prefix) ? value.slice(prefix.length) : value;
  const half = Math.ceil(random.length / 2);
  const pieces = [random, random.slice(0, half), random.slice(half)].filter(({ length }) => length >= LEAST_PIECE);
  return pieces.map((text) => ({ secret, form: 'a part', text }));
}
