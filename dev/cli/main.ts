import * as commands from './commands.ts';
import { processIo } from './io.ts';
import { runCli } from './run-cli.ts';

const code = await runCli(process.argv.slice(2), processIo(), Object.values(commands));
// Not left to the event loop: a server that never said who it is keeps the NATS client waiting.
process.exit(code);
