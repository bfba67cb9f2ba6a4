import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { downloadedListFile, findDownloaded, findOnPath, isProgram, PROJECT_ROOT } from './find-server.mjs';

/** What the set-up downloads where the machine has none. */
export const DOWNLOADED_BROWSER = 'chromium-headless-shell';
const ON_PATH = ['chromium', DOWNLOADED_BROWSER, 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Variables in which people and CI say where their browser is. */
const VARIABLES = ['PLAYWRIGHT_BROWSER', 'CHROME_PATH'];

/**
 * A Chromium for tests and pictures: the one that a variable names, else one on PATH, else the one that the set-up
 * unpacked. Undefined where there is none. `env` is what it needs on top of the caller's own environment.
 * @param {string} [root]
 * @returns {{ command: string, env: Record<string, string> } | undefined}
 */
export function findBrowser(root = PROJECT_ROOT) {
  for (const variable of VARIABLES) {
    const command = process.env[variable];
    if (!command) continue;
    if (!isProgram(command)) throw new Error(`${variable} is ${command}, and there is no program at that path.`);
    return { command, env: {} };
  }
  for (const name of ON_PATH) {
    const found = findOnPath(name);
    if (found !== undefined) return found;
  }
  const downloaded = findDownloaded(DOWNLOADED_BROWSER, root, 'browser');
  if (downloaded === undefined) return undefined;
  return { ...downloaded, env: { ...downloaded.env, ...fontEnvironment(root) } };
}

/**
 * Makes a downloaded browser find the fonts that came with it, and no others: a page then looks the same everywhere.
 * @param {string} root
 */
export function writeFontConfiguration(root) {
  writeFileSync(fontFile(root), FONTS);
}

/**
 * The cache would else go to the home folder.
 * @param {string} root
 * @returns {Record<string, string>}
 */
function fontEnvironment(root) {
  const file = fontFile(root);
  return existsSync(file) ? { FONTCONFIG_FILE: file, XDG_CACHE_HOME: join(dirname(file), 'cache') } : {};
}

/** @param {string} root */
function fontFile(root) {
  return join(dirname(downloadedListFile(root, 'browser')), 'fonts.conf');
}

/** Relative folders, so that a project folder may be moved. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">root/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias><family>system-ui</family><prefer><family>Inter</family></prefer></alias>
  <alias><family>sans-serif</family><prefer><family>Inter</family><family>DejaVu Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`;
