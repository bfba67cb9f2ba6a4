import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findSecrets } from './search.ts';

const SECRET = { name: 'TOKEN', value: 'canary-Ab3/x+Yz0_Qw7-Rt9Uv5Hj8K' };
const OTHER = { name: 'OTHER', value: 'canary-Mn5pQr8sTu1vWx4yZa7bCd0e' };

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'search-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function formsIn(text: string): Promise<readonly string[]> {
  await writeFile(join(folder, 'text'), text);
  const findings = await findSecrets(folder, { secrets: [SECRET, OTHER], prefix: 'canary-' });
  expect(findings.filter(({ secret }) => secret === OTHER.name)).toEqual([]);
  return findings.filter(({ secret }) => secret === SECRET.name).flatMap(({ forms }) => forms);
}

const { value } = SECRET;

it.each([
  ['plain', `token=${value}.`],
  ['plain', value.toUpperCase()],
  ['URL', `/x?token=${encodeURIComponent(value)}`],
  ['JSON', JSON.stringify({ token: value })],
  ['base64', Buffer.from(value).toString('base64')],
  ['base64', Buffer.from(`u:${value}`).toString('base64')],
  ['base64', Buffer.from(`user:${value}`).toString('base64')],
  ['base64', Buffer.from(`user1:${value}@host`).toString('base64')],
  ['base64url', Buffer.from(`user1:${value}@host`).toString('base64url')],
  ['hex', Buffer.from(value).toString('hex')],
  ['a part', value.slice('canary-'.length)],
  ['a part', `...${value.slice(-12)}`],
])('finds a secret as %s in %j', async (form, text) => {
  expect(await formsIn(`before ${text} after`)).toContain(form);
});

it.each(['', 'canary', 'TOKEN', 'Ab3', Buffer.from('something else altogether').toString('base64')])(
  'finds none in %j',
  async (text) => {
    expect(await formsIn(text)).toEqual([]);
  },
);

it('finds a secret that nobody told of, by what all of them begin with', async () => {
  for (const text of ['canary-unknown', 'CANARY-UNKNOWN', Buffer.from('x:canary-unknown').toString('base64')]) {
    await writeFile(join(folder, 'text'), text);

    const findings = await findSecrets(folder, { secrets: [], prefix: 'canary-' });

    expect(findings).toContainEqual(expect.objectContaining({ file: 'text', secret: 'canary-...' }));
  }
});

it('leaves out the files that it is told to, and no other', async () => {
  await writeFile(join(folder, 'text'), value);

  expect(await findSecrets(folder, { secrets: [SECRET], prefix: 'canary-', except: ['text'] })).toEqual([]);
});
