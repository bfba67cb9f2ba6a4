import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { debianMirror } from './debian-mirror.mjs';
import { downloadedListFile } from './find-server.mjs';

/**
 * Which Debian packages hold a program; `release` where the running release no longer has it, `folder` where the program
 * is neither in usr/bin nor in usr/sbin.
 */
const PACKAGES = {
  'nats-server': { packages: ['nats-server'] },
  // redis-server is a link to a program of redis-tools.
  'redis-server': { packages: ['redis-server', 'redis-tools'] },
  'redis-cli': { packages: ['redis-tools'] },
  prometheus: { packages: ['prometheus'] },
  promtool: { packages: ['prometheus'] },
  // Consul left Debian after 11; its 1.8.7 needs nothing but libc, so it runs on every later release.
  consul: { packages: ['consul'], release: 'bullseye' },
  // chromium-common holds data that it reads; no font comes with it; usr/bin has a script that knows absolute paths only.
  'chromium-headless-shell': {
    packages: ['chromium-headless-shell', 'chromium-common', 'fonts-inter', 'fonts-dejavu-core'],
    folder: 'usr/lib/chromium',
  },
};
const ARCHIVE = 'http://archive.debian.org/debian';
const KEYRINGS = ['debian-archive-keyring.gpg', 'debian-archive-keyring.pgp'];
const RETIRED_KEYRINGS = ['debian-archive-removed-keys.gpg', 'debian-archive-removed-keys.pgp'];
/** Rounds of fetching libraries that libraries need; redis takes one. */
const LIBRARY_ROUNDS = 4;
/** A program's other dependencies (users to add, icons, menus) are for an installed one. */
const LIBRARY_PACKAGE = /^(lib|zlib)/;
const ELSEWHERE =
  'install them so that they are on PATH, or run the stack with `docker compose -f deploy/compose.yaml up`';

/**
 * Downloads Debian packages that hold `names` into .local/<place> and unpacks them there. No root, no service
 * started, nothing outside that folder changed: apt runs on its own lists, cache and sources.
 * @param {readonly string[]} names programs, keys of PACKAGES
 * @param {string} root
 * @param {import('./find-server.mjs').Place} [place]
 */
export function downloadServers(names, root, place = 'servers') {
  const system = readSystem();
  if (system.id !== 'debian' || !hasCommand('apt-get') || !hasCommand('dpkg')) {
    throw new Error(`${names.join(', ')} not found, and only Debian's packages can be fetched here: ${ELSEWHERE}.`);
  }
  const list = downloadedListFile(root, place);
  const folder = dirname(list);
  mkdirSync(join(folder, 'root'), { recursive: true });
  const downloaded = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : {};
  try {
    Object.assign(downloaded, fetchPrograms(names, folder, system.codename));
  } finally {
    // 200 MB of package lists have done their work.
    for (const entry of readdirSync(folder)) {
      if (entry.startsWith('apt-')) rmSync(join(folder, entry), { recursive: true });
    }
  }
  writeFileSync(`${list}.new`, `${JSON.stringify(downloaded, null, 2)}\n`);
  renameSync(`${list}.new`, list);
}

/**
 * @param {readonly string[]} names
 * @param {string} folder
 * @param {string} codename
 */
function fetchPrograms(names, folder, codename) {
  const mirror = debianMirror('/etc/apt', codename);
  const wanted = entriesOf(names);
  fetchFrom(folder, codename, [mirror], packagesFor(wanted, undefined));
  fetchFrom(folder, 'bullseye', [mirror, ARCHIVE], packagesFor(wanted, 'bullseye'));

  /** @type {Record<string, { command: string, libraries: string[] }>} */
  const fetched = {};
  for (const name of names) {
    const own = wanted[name]?.folder;
    const command = (own === undefined ? ['usr/bin', 'usr/sbin'] : [own])
      .map((bin) => join(folder, 'root', bin, name))
      .find((file) => existsSync(file));
    if (command === undefined) throw new Error(`Debian's packages for ${codename} hold no ${name}: ${ELSEWHERE}.`);
    const libraries = fetchLibraries(folder, codename, command, wanted[name]?.packages ?? []);
    fetched[name] = { command: relative(folder, command), libraries };
  }
  return fetched;
}

/**
 * @param {readonly string[]} names
 * @returns {Record<string, { packages: string[], release?: string, folder?: string }>}
 */
function entriesOf(names) {
  return Object.fromEntries(Object.entries(PACKAGES).filter(([name]) => names.includes(name)));
}

/**
 * @param {Record<string, { packages: string[], release?: string }>} wanted
 * @param {string | undefined} release
 */
function packagesFor(wanted, release) {
  const packages = Object.values(wanted).filter((entry) => entry.release === release);
  return [...new Set(packages.flatMap((entry) => entry.packages))];
}

/**
 * Tries each mirror in turn (an old release moves to the archive), then unpacks.
 * @param {string} folder
 * @param {string} release
 * @param {readonly string[]} mirrors
 * @param {readonly string[]} packages
 */
function fetchFrom(folder, release, mirrors, packages) {
  if (packages.length === 0) return;
  console.error(`set-up: downloading ${packages.join(', ')} (Debian ${release}) into .local/${basename(folder)} ...`);
  let problem = '';
  for (const mirror of mirrors) {
    const apt = privateApt(folder, release, mirror);
    const update = runApt(apt, ['update', '-qq', '-o', 'APT::Update::Error-Mode=any']);
    if (update === '') problem = runApt(apt, ['download', '-qq', ...packages]);
    else problem = update;
    if (problem === '') {
      unpack(apt, folder);
      return;
    }
  }
  throw new Error(`Could not download ${packages.join(', ')} for Debian ${release} (${problem}): check the network and \
run the same command again; or ${ELSEWHERE}.`);
}

/**
 * Fetches the libraries that `command` lacks on this machine: dependencies of its packages that are not installed,
 * then theirs, until ldd is content. Returns the unpacked library folders that it needs, relative to `folder`.
 * @param {string} folder
 * @param {string} release
 * @param {string} command
 * @param {readonly string[]} packages
 * @returns {string[]}
 */
function fetchLibraries(folder, release, command, packages) {
  if (missingLibraries(command, []).length === 0) return [];
  const apt = join(folder, `apt-${release}`);
  let layer = [...packages];
  for (let round = 0; round < LIBRARY_ROUNDS; round += 1) {
    const libraries = libraryFolders(folder);
    if (missingLibraries(command, libraries).length === 0) return libraries.map((path) => relative(folder, path));
    const asked = layer.flatMap((name) => dependencies(apt, name));
    layer = [...new Set(asked)].filter((name) => LIBRARY_PACKAGE.test(name) && !isInstalled(name));
    if (layer.length === 0) break;
    const problem = runApt(apt, ['download', '-qq', ...layer]);
    if (problem !== '')
      throw new Error(`Could not download ${layer.join(', ')} (${problem}): run the same command again.`);
    unpack(apt, folder);
  }
  throw new Error(
    `${relative(folder, command)} lacks ${missingLibraries(command, libraryFolders(folder)).join(', ')}: ${ELSEWHERE}.`,
  );
}

/**
 * Sonames that the dynamic linker does not find. A static program has none.
 * @param {string} command
 * @param {readonly string[]} libraries
 */
function missingLibraries(command, libraries) {
  const env = { ...process.env, LC_ALL: 'C', LD_LIBRARY_PATH: libraries.join(':') };
  const { stdout } = spawnSync('ldd', [command], { env, encoding: 'utf8' });
  return [...(stdout ?? '').matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1] ?? '');
}

/**
 * Those of the machine's kind, and folders in them with private libraries (pulseaudio).
 * @param {string} folder
 */
function libraryFolders(folder) {
  return ['usr/lib', 'lib']
    .flatMap((name) => foldersIn(join(folder, 'root', name)).filter((path) => path.includes('-linux-')))
    .flatMap((path) => [path, ...foldersIn(path).filter(holdsLibraries)]);
}

/** @param {string} path */
function foldersIn(path) {
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
}

/** @param {string} path */
function holdsLibraries(path) {
  return readdirSync(path).some((name) => /^lib.*\.so/.test(name));
}

/**
 * @param {string} apt
 * @param {string} name
 */
function dependencies(apt, name) {
  const env = { ...process.env, LC_ALL: 'C', APT_CONFIG: join(apt, 'apt.conf') };
  const { stdout } = spawnSync('apt-cache', ['depends', '--important', name], { env, encoding: 'utf8' });
  return [...(stdout ?? '').matchAll(/^ +\|?(?:Pre)?Depends: ([^<\s]+)/gm)].map((match) => match[1] ?? '');
}

/** @param {string} name */
function isInstalled(name) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own format, not a template string
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
  return stdout === 'installed';
}

/**
 * Writes apt's own little world for one release and returns its folder.
 * @param {string} folder
 * @param {string} release
 * @param {string} mirror
 */
function privateApt(folder, release, mirror) {
  const apt = join(folder, `apt-${release}`);
  rmSync(apt, { recursive: true, force: true });
  for (const name of ['lists/partial', 'archives/partial', 'none']) mkdirSync(join(apt, name), { recursive: true });
  const keyrings = [findKeyring(KEYRINGS)];
  // A release that is in the archive only may be signed by keys that have been retired since.
  if (release === 'bullseye') keyrings.push(findKeyring(RETIRED_KEYRINGS));
  const signedBy = keyrings.filter((path) => path !== undefined).join(',');
  if (signedBy === '')
    throw new Error(`Debian's keyring is missing (package debian-archive-keyring): install it, or ${ELSEWHERE}.`);
  const old = mirror === ARCHIVE ? ' check-valid-until=no' : '';
  writeFileSync(join(apt, 'sources.list'), `deb [signed-by=${signedBy}${old}] ${mirror} ${release} main\n`);
  const settings = {
    // The system's own hooks (Post-Invoke) would write outside this folder.
    'Dir::Etc::parts': join(apt, 'none'),
    'Dir::Etc::main': join(apt, 'none.conf'),
    'Dir::Etc::sourcelist': join(apt, 'sources.list'),
    'Dir::Etc::sourceparts': join(apt, 'none'),
    'Dir::Etc::preferences': join(apt, 'none.conf'),
    'Dir::Etc::preferencesparts': join(apt, 'none'),
    'Dir::State': apt,
    'Dir::State::lists': join(apt, 'lists'),
    'Dir::Cache': apt,
    'Dir::Cache::archives': join(apt, 'archives'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'Dir::Log': apt,
    // Started as root, apt would else drop to a user who may not write here.
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::GzipIndexes': 'true',
    'Acquire::Retries': '3',
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";`);
  writeFileSync(join(apt, 'apt.conf'), `${systemProxy()}${lines.join('\n')}\n`);
  return apt;
}

/** A proxy that the machine's own apt goes through is needed here too. */
function systemProxy() {
  const { stdout } = spawnSync('apt-config', ['dump', '--no-empty', 'Acquire::http', 'Acquire::https'], {
    encoding: 'utf8',
  });
  return (stdout ?? '')
    .split('\n')
    .filter((line) => /^Acquire::https?:/.test(line))
    .map((line) => `${line}\n`)
    .join('');
}

/** @param {readonly string[]} names */
function findKeyring(names) {
  return names.map((name) => join('/usr/share/keyrings', name)).find((path) => existsSync(path));
}

/**
 * Runs apt-get and returns '' or its first complaint.
 * @param {string} apt
 * @param {readonly string[]} args
 */
function runApt(apt, args) {
  const env = { ...process.env, LC_ALL: 'C', APT_CONFIG: join(apt, 'apt.conf') };
  const run = spawnSync('apt-get', args, { cwd: join(apt, 'archives'), env, encoding: 'utf8', timeout: 600_000 });
  if (run.error !== undefined) return run.error.message;
  if (run.status === 0) return '';
  const complaint = run.stderr.split('\n').find((line) => line.startsWith('E:'));
  return complaint?.slice(2).trim() ?? `apt-get ${args[0]} ended with ${run.status ?? run.signal}`;
}

/**
 * @param {string} apt
 * @param {string} folder
 */
function unpack(apt, folder) {
  const archives = join(apt, 'archives');
  for (const name of readdirSync(archives).filter((entry) => entry.endsWith('.deb'))) {
    execFileSync('dpkg', ['-x', join(archives, name), join(folder, 'root')]);
    rmSync(join(archives, name));
  }
}

function readSystem() {
  const file = '/etc/os-release';
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  /** @param {string} key */
  const value = (key) => new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { id: value('ID'), codename: value('VERSION_CODENAME') };
}

/** @param {string} name */
function hasCommand(name) {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
}
