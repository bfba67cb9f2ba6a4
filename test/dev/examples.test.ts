import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

// What the examples do is in test/e2e/package.test.ts.

const project = fileURLToPath(new URL('../../', import.meta.url));
const LANGUAGES: Readonly<Record<string, string>> = { ts: 'ts', py: 'python', sh: 'sh' };
const files = await readdir(`${project}docs/examples`);

it.each(files)('the README shows docs/examples/%s as it is, in some 20 lines', async (file) => {
  const readme = await readFile(`${project}README.md`, 'utf8');
  const example = await readFile(`${project}docs/examples/${file}`, 'utf8');

  expect(readme).toContain(`\`\`\`${LANGUAGES[file.slice(-2)]}\n${example}\`\`\`\n`);
  expect(readme).toContain(`](docs/examples/${file})`);
  expect(example.trimEnd().split('\n').length).toBeLessThanOrEqual(22);
});

it('there is one for each language', () => {
  expect(files.map((file) => file.slice(-2)).sort()).toEqual(Object.keys(LANGUAGES).sort());
});
