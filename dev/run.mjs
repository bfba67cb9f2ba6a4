// Runs on Node 20: every npm script goes through here, and any of them may be the first thing typed in a fresh clone.
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { PROJECT_ROOT } from './find-server.mjs';
import { setUp } from './setup.mjs';

const USAGE = `Usage: node dev/run.mjs [--servers] [--browser] [--build] <program> [arguments...]

Sets the project up (see dev/setup.mjs), then runs <program> under the project's own Node 24 with
node_modules/.bin first on PATH, and exits with its exit code (128 + n when signal n ended it).

  <program>    a script by its path (ends in .ts, .mts, .js or .mjs), or a program of node_modules/.bin by its name
  arguments    everything behind <program>, passed on untouched
  --servers    also find or download nats-server, redis-server, prometheus and consul
  --browser    also find or download a Chromium, for the tests of the console and for pictures
  --build      run esbuild.config.mjs first
  --help       print this

Without <program> it only sets up (and builds). Examples:
  node dev/run.mjs --servers vitest run
  node dev/run.mjs --servers --build dev/demo.ts --instances 5
`;
/** How long a Ctrl-C is given to have reached the child through the terminal itself. */
const TERMINAL_GRACE_MS = 1000;
const BIN = join(PROJECT_ROOT, 'node_modules', '.bin');

const options = parse(process.argv.slice(2));
if (options === undefined) {
  process.stderr.write(USAGE);
  process.exit(2);
}
if (options.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
try {
  await setUp({ servers: options.servers, browser: options.browser });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
const env = { ...process.env, PATH: `${BIN}${delimiter}${process.env['PATH'] ?? ''}` };
checkNode();
if (options.build) {
  const build = spawnSync(join(BIN, 'node'), ['esbuild.config.mjs'], {
    cwd: PROJECT_ROOT,
    env,
    stdio: ['ignore', 2, 2],
  });
  if (build.status !== 0) process.exit(build.status ?? 1);
}
if (options.program !== undefined) runProgram(options.program, options.args);

/** @param {readonly string[]} argv */
function parse(argv) {
  const program = /** @type {string | undefined} */ (undefined);
  const parsed = { servers: false, browser: false, build: false, help: false, program };
  for (const [index, argument] of argv.entries()) {
    if (argument === '--servers') parsed.servers = true;
    else if (argument === '--browser') parsed.browser = true;
    else if (argument === '--build') parsed.build = true;
    else if (argument === '--help') parsed.help = true;
    else if (argument.startsWith('-')) return undefined;
    else return { ...parsed, program: argument, args: argv.slice(index + 1) };
  }
  return argv.length === 0 ? undefined : { ...parsed, args: [] };
}

/** The npm package `node` fetches its program in an install script, which a machine's npm settings may forbid. */
function checkNode() {
  const run = spawnSync(join(BIN, 'node'), ['--version'], { encoding: 'utf8' });
  if (run.error === undefined && run.stdout.startsWith('v24.')) return;
  console.error(
    'Node 24 is not in node_modules: allow install scripts (npm config get ignore-scripts), then `npm ci`.',
  );
  process.exit(1);
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 */
function runProgram(program, args) {
  const isScript = /\.m?[jt]s$/.test(program);
  const [command, commandArgs] = isScript ? [join(BIN, 'node'), [program, ...args]] : [join(BIN, program), args];
  // From here on this process lives for its child alone, so handlers come before it: no signal may fall in between.
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child;
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      // A Ctrl-C in a terminal reaches the whole group, the child included, and npm repeats it to us. A second one at
      // the child would cut short its orderly stop (vitest), so it is passed on only to one that is still there later.
      if (signal === 'SIGINT' && process.stdin.isTTY) setTimeout(() => child?.kill(signal), TERMINAL_GRACE_MS).unref();
      else child?.kill(signal);
    });
  }
  child = spawn(command, commandArgs, { env, stdio: 'inherit' });
  child.on('error', (error) => {
    console.error(`Could not start ${program}: ${error.message}`);
    process.exit(127);
  });
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
  });
}
