import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findDoor, timeoutOf } from '../../../dev/cli/find-door.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'door-'));
  await mkdir(join(folder, '.local'));
  await writeFile(join(folder, '.local/stack.json'), JSON.stringify({ natsUrl: 'nats://stack:1', pid: process.pid }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const NATS = { kind: 'nats', url: 'nats://a:1' };
const http = (token?: string) => ({ kind: 'http', url: new URL('https://a/prod'), token });

it.each([
  { options: { nats: 'nats://a:1' }, env: { GAME_ALLOCATOR_URL: 'https://b', GAME_ALLOCATOR_TOKEN: 't' }, door: NATS },
  { options: { url: 'https://a/prod', token: 'o' }, env: { GAME_ALLOCATOR_TOKEN: 't' }, door: http('o') },
  { options: { url: 'https://a/prod' }, env: { GAME_ALLOCATOR_TOKEN: 't', GAME_ALLOCATOR_NATS: 'x' }, door: http('t') },
  { options: { url: 'https://a/prod' }, env: { GAME_ALLOCATOR_TOKEN: '' }, door: http() },
  { options: {}, env: { GAME_ALLOCATOR_NATS: 'nats://a:1', GAME_ALLOCATOR_URL: 'https://b' }, door: NATS },
  { options: {}, env: { GAME_ALLOCATOR_URL: 'https://a/prod', GAME_ALLOCATOR_NATS: '' }, door: http() },
  { options: { token: 'o' }, env: { GAME_ALLOCATOR_URL: 'https://a/prod' }, door: http('o') },
  { options: {}, env: {}, door: { kind: 'nats', url: 'nats://stack:1' } },
])('asks at $door for $options and $env', async ({ options, env, door }) => {
  expect(await findDoor(options, env, folder)).toEqual(door);
});

it.each([
  { options: { nats: 'nats://a', url: 'https://a' }, problem: 'Only one of --nats and --url.' },
  { options: { nats: 'nats://a', token: 't' }, problem: '--token goes with --url.' },
  { options: { url: 'ftp://a' }, problem: '--url must be an http or https URL.' },
  { options: { url: 'nothing' }, problem: '--url must be an http or https URL.' },
  { options: {}, env: { GAME_ALLOCATOR_URL: 'a' }, problem: 'GAME_ALLOCATOR_URL must be an http or https URL.' },
])('refuses $options $env', async ({ options, env = {}, problem }) => {
  await expect(findDoor(options, env, folder)).rejects.toMatchObject({ name: 'WrongUsage', message: problem });
});

it('says what to do where there is nobody to ask', async () => {
  await expect(findDoor({}, {}, '/nonexistent')).rejects.toMatchObject({
    name: 'CannotGoOn',
    message: expect.stringMatching(/npm start.*--nats, --url/),
  });
});

it('waits three seconds unless it is told, and no time that the allocator does not take', () => {
  expect(timeoutOf({})).toBe(3000);
  expect(timeoutOf({ timeout: '250' })).toBe(250);
  for (const timeout of ['99', '10001', '1.5', 'soon', '']) {
    expect(() => timeoutOf({ timeout })).toThrow(/--timeout must be a/);
  }
});
