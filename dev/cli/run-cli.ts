import packageJson from '../../package.json' with { type: 'json' };
import { CannotGoOn, type Command, type Io, WrongUsage } from './command.ts';
import { nearest } from './nearest.ts';

/** Runs what the arguments say, and returns the exit code: 0 done, 1 not, 2 wrong usage. */
export async function runCli(args: readonly string[], io: Io, commands: readonly Command[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--version') return print(io, packageJson.version);
  if (name === undefined) return refuse(io, 'Which command?', overview(commands));
  if (name === '--help' || name === '-h' || (name === 'help' && rest.length === 0))
    return print(io, overview(commands));

  const wanted = name === 'help' ? (rest[0] ?? '') : name;
  const command = commands.find((known) => known.name === wanted);
  if (command === undefined) {
    const names = [...commands.map((known) => known.name), 'help'];
    const near = nearest(wanted, names);
    const guess = near === undefined ? '' : ` Did you mean ${near}?`;
    return refuse(io, `There is no command ${JSON.stringify(wanted)}.${guess}`, overview(commands));
  }
  if (name === 'help' || asksForHelp(rest)) return print(io, command.usage);

  try {
    return await command.run(rest, io);
  } catch (error) {
    if (error instanceof WrongUsage) return refuse(io, error.message, command.usage);
    if (!(error instanceof CannotGoOn)) throw error;
    await io.stderr.write(`${error.message}\n`);
    return 1;
  }
}

function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: game-allocator COMMAND [arguments]

Asks the allocator where games run, and shows what it does.

${lines.join('\n')}

  game-allocator COMMAND --help    what it takes, with examples
  game-allocator --version

Whom it asks: --nats URL, or --url URL with --token TOKEN, or GAME_ALLOCATOR_NATS, or GAME_ALLOCATOR_URL with
GAME_ALLOCATOR_TOKEN; without any of them the stack that \`npm start\` brought up in this folder.

Exits 0 when it is done, 1 when the answer is a failure or nothing answers, 2 for wrong usage.`;
}

/** What follows `--` is no option. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).some((argument) => argument === '--help' || argument === '-h');
}

async function print(io: Io, text: string): Promise<number> {
  await io.stdout.write(`${text}\n`);
  return 0;
}

async function refuse(io: Io, problem: string, usage: string): Promise<number> {
  await io.stderr.write(`${problem}\n\n${usage}\n`);
  return 2;
}
