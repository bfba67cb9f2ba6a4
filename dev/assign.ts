import { parseArgs } from 'node:util';
import { connect } from 'nats';
import { requestAssignment } from './stack/request-assignment.ts';
import { readStackFile } from './stack/stack-file.ts';
import { refuse } from './stack/stack-flags.ts';

const USAGE = `Usage: npm run assign -- GAME_ID [--level low|high]

Asks the running stack over NATS where a game should run, and prints the reply. The stack is the one that \`npm start\`
brought up in this folder, or the one at NATS_URL where that is set. Exits 0 when the game was assigned, else 1.

  --level  low (weighs CPU, the default) or high (weighs RAM)
  --help   print this and exit`;

const { gameId, level } = readArguments();
const natsUrl = process.env['NATS_URL'] || (await readStackFile())?.natsUrl;
if (natsUrl === undefined) fail('No stack runs in this folder: start one with `npm start`, in another terminal.');

const connection = await connect({ servers: natsUrl, reconnect: false, timeout: 2000 }).catch(() =>
  fail(`Nothing answers at ${natsUrl}: start a stack with \`npm start\`, or set NATS_URL.`),
);
const reply = await requestAssignment(connection, gameId, level);
await connection.close();
console.log(JSON.stringify(reply));
process.exitCode = reply.success ? 0 : 1;

function readArguments(): { gameId: string; level: string | undefined } {
  const { values, positionals } = parse();
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const [gameId, ...others] = positionals;
  if (gameId === undefined || others.length > 0) return refuse('Exactly one GAME_ID is needed.', USAGE);
  return { gameId, level: values.level };
}

function parse() {
  try {
    const options = { level: { type: 'string' }, help: { type: 'boolean', default: false } } as const;
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), USAGE);
  }
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
