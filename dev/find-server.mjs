import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT_ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The programs of the local stack that npm cannot bring. */
export const SERVER_NAMES = Object.freeze([
  'nats-server',
  'redis-server',
  'redis-cli',
  'prometheus',
  'promtool',
  'consul',
]);

/** A folder of .local that the set-up unpacks programs into. The browser's many libraries stay apart from the servers'. */
/** @typedef {'servers' | 'browser'} Place */

/**
 * Where a server program is: on PATH, else where the set-up unpacked it.
 * `env` is what it needs on top of the caller's own environment (LD_LIBRARY_PATH, or nothing).
 * @param {string} name one of SERVER_NAMES
 * @param {string} [root]
 * @returns {{ command: string, env: Record<string, string> }}
 */
export function findServer(name, root = PROJECT_ROOT) {
  const found = findOnPath(name) ?? findDownloaded(name, root, 'servers');
  if (found === undefined) {
    throw new Error(`${name} is not set up: run a command that sets up the servers first, such as \`npm test\`.`);
  }
  return found;
}

/**
 * The absolute path of a server program.
 * @param {string} name
 * @param {string} [root]
 */
export function serverPath(name, root = PROJECT_ROOT) {
  return findServer(name, root).command;
}

/**
 * @param {string} root
 * @returns {string[]}
 */
export function missingServers(root) {
  return SERVER_NAMES.filter((name) => (findOnPath(name) ?? findDownloaded(name, root, 'servers')) === undefined);
}

/**
 * The file in which the download notes what it unpacked: it is written last, so what it names is complete.
 * @param {string} root
 * @param {Place} [place]
 */
export function downloadedListFile(root, place = 'servers') {
  return join(root, '.local', place, 'downloaded.json');
}

/**
 * @param {string} name
 * @returns {{ command: string, env: Record<string, string> } | undefined}
 */
export function findOnPath(name) {
  const command = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, name))
    .find(isProgram);
  return command === undefined ? undefined : { command, env: {} };
}

/**
 * What the set-up unpacked.
 * @param {string} name
 * @param {string} root
 * @param {Place} place
 * @returns {{ command: string, env: Record<string, string> } | undefined}
 */
export function findDownloaded(name, root, place) {
  const list = downloadedListFile(root, place);
  if (!existsSync(list)) return undefined;
  /** @type {Record<string, { command: string, libraries: string[] } | undefined>} */
  const downloaded = JSON.parse(readFileSync(list, 'utf8'));
  const entry = downloaded[name];
  if (entry === undefined) return undefined;
  // Paths are kept relative, so that a project folder may be moved.
  const folder = dirname(list);
  const command = join(folder, entry.command);
  if (!isProgram(command)) return undefined;
  if (entry.libraries.length === 0) return { command, env: {} };
  const libraryPath = entry.libraries.map((library) => join(folder, library)).join(delimiter);
  return { command, env: { LD_LIBRARY_PATH: libraryPath } };
}

/** @param {string} path */
export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
