// Runs on Node 20 with nothing installed: no dependency, no TypeScript, nothing newer than Node 20 offers.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { downloadServers } from './debian-packages.mjs';
import { DOWNLOADED_BROWSER, findBrowser, writeFontConfiguration } from './find-browser.mjs';
import { downloadedListFile, findServer, missingServers, PROJECT_ROOT } from './find-server.mjs';
import { withSetupLock } from './setup-lock.mjs';

export { findServer, serverPath } from './find-server.mjs';

/**
 * Makes a fresh clone runnable and costs a few milliseconds when it already is: installs the npm packages when they
 * are missing or package-lock.json changed, and with `servers` finds NATS, Redis, Prometheus and Consul on PATH or
 * downloads them into .local/servers. With `browser` it does the same for a Chromium in .local/browser; where none can
 * be had, it says so and goes on. Two set-ups at once wait for each other. Progress goes to stderr.
 * Throws an Error whose message is one sentence for the person at the terminal.
 * @param {{ servers: boolean, browser?: boolean, root?: string }} options
 * @returns {Promise<void>}
 */
export async function setUp({ servers, browser = false, root = PROJECT_ROOT }) {
  const serversReady = () => !servers || missingServers(root).length === 0;
  const browserReady = () => !browser || findBrowser(root) !== undefined;
  if (packagesReady(root) && serversReady() && browserReady()) return;
  await withSetupLock(root, async () => {
    if (!packagesReady(root)) installPackages(root);
    if (!serversReady()) {
      const missing = missingServers(root);
      downloadServers(missing, root);
      for (const name of missing) checkStarts(name, findServer(name, root));
    }
    if (!browserReady()) setUpBrowser(root);
  });
}

/**
 * A whole browser is for the tests of one page: without it they are skipped, and all others run.
 * @param {string} root
 */
function setUpBrowser(root) {
  try {
    downloadServers([DOWNLOADED_BROWSER], root, 'browser');
    writeFontConfiguration(root);
    const found = findBrowser(root);
    if (found !== undefined) checkStarts(DOWNLOADED_BROWSER, found, ['--no-sandbox', '--dump-dom', 'about:blank']);
  } catch (error) {
    // What was unpacked and does not start must not be found.
    rmSync(downloadedListFile(root, 'browser'), { force: true });
    console.error(`set-up: going on without a browser. ${error instanceof Error ? error.message : error}`);
  }
}

/** @param {string} root */
function packagesReady(root) {
  const marker = markerFile(root);
  return existsSync(marker) && readFileSync(marker, 'utf8') === lockHash(root);
}

/** @param {string} root */
function installPackages(root) {
  if (!installedByHand(root)) {
    console.error('set-up: installing the npm packages (npm ci), about a minute ...');
    // stdout stays free for what the caller prints (JSON, tables).
    const run = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root, stdio: ['ignore', 2, 2] });
    if (run.error !== undefined || run.status !== 0) {
      throw new Error('npm ci failed (its own message is above): check the network, then run the same command again.');
    }
  }
  // npm makes no folder where there is nothing to install.
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(markerFile(root), lockHash(root));
}

/**
 * Whether a developer's own `npm install` already left exactly the tree that package-lock.json names, so that
 * removing and fetching it all again would only cost a minute. npm writes its hidden lock last, when all is there.
 * @param {string} root
 */
function installedByHand(root) {
  const hiddenLock = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(hiddenLock)) return false;
  const wanted = lockedPackages(join(root, 'package-lock.json'));
  const installed = lockedPackages(hiddenLock);
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const there = installed[path];
    if (there === undefined) return entry.optional === true;
    return there.version === entry.version && there.integrity === entry.integrity;
  });
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }>}
 */
function lockedPackages(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
}

/**
 * A program that was unpacked but cannot start (a library too old or too new) is better found here than in a test.
 * @param {string} name
 * @param {{ command: string, env: Record<string, string> }} program
 * @param {readonly string[]} [args] with which it soon ends with 0
 */
function checkStarts(name, { command, env }, args = ['--version']) {
  const run = spawnSync(command, args, { env: { ...process.env, ...env }, encoding: 'utf8', timeout: 20_000 });
  if (run.error === undefined && run.status === 0) return;
  const reason = (run.error?.message ?? run.stderr.trim().split('\n').at(-1)) || `exit code ${run.status}`;
  throw new Error(
    `The downloaded ${name} does not start (${reason}): install ${name} so that it is on PATH, then retry.`,
  );
}

/** @param {string} root */
function markerFile(root) {
  return join(root, 'node_modules', '.set-up-for-lock');
}

/** @param {string} root */
function lockHash(root) {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}
