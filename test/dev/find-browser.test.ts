import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DOWNLOADED_BROWSER, findBrowser, writeFontConfiguration } from '../../dev/find-browser.mjs';
import { downloadedListFile } from '../../dev/find-server.mjs';
import { setUp } from '../../dev/setup.mjs';

let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'browser-'));
  vi.stubEnv('PATH', '/nowhere');
  vi.stubEnv('PLAYWRIGHT_BROWSER', '');
  vi.stubEnv('CHROME_PATH', '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

it('takes the browser that a variable names, else one on PATH, else the downloaded one with its own fonts', () => {
  expect(findBrowser(root)).toBeUndefined();

  const downloaded = writeProgram('.local/browser/root/usr/lib/chromium', DOWNLOADED_BROWSER);
  const entry = {
    command: `root/usr/lib/chromium/${DOWNLOADED_BROWSER}`,
    libraries: ['root/usr/lib/x86_64-linux-gnu'],
  };
  const list = downloadedListFile(root, 'browser');
  writeFileSync(list, JSON.stringify({ [DOWNLOADED_BROWSER]: entry }));
  writeFontConfiguration(root);
  const folder = dirname(list);
  expect(findBrowser(root)).toEqual({
    command: downloaded,
    env: {
      LD_LIBRARY_PATH: join(folder, 'root/usr/lib/x86_64-linux-gnu'),
      FONTCONFIG_FILE: join(folder, 'fonts.conf'),
      XDG_CACHE_HOME: join(folder, 'cache'),
    },
  });

  const onPath = writeProgram('bin', 'google-chrome');
  vi.stubEnv('PATH', join(root, 'bin'));
  expect(findBrowser(root)).toEqual({ command: onPath, env: {} });

  const named = writeProgram('mine', 'some-chromium');
  vi.stubEnv('CHROME_PATH', named);
  expect(findBrowser(root)).toEqual({ command: named, env: {} });
});

it('says so when a variable names what is not there', () => {
  vi.stubEnv('CHROME_PATH', join(root, 'gone'));

  expect(() => findBrowser(root)).toThrow(/^CHROME_PATH is .*gone, and there is no program at that path\.$/);
});

it('goes on without a browser where none can be had', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  writeFileSync(join(root, 'package.json'), '{"name": "project", "version": "1.0.0"}');
  const packages = { '': { name: 'project', version: '1.0.0' } };
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ name: 'project', lockfileVersion: 3, packages }));
  mkdirSync(join(root, 'node_modules'));
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages: {} }));

  await setUp({ servers: false, browser: true, root });

  expect(said.mock.calls.flat().join('\n')).toMatch(
    /^set-up: going on without a browser\. chromium-headless-shell not found/,
  );
  expect(findBrowser(root)).toBeUndefined();
});

function writeProgram(folder: string, name: string): string {
  const path = join(root, folder, name);
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, 0o755);
  return path;
}
