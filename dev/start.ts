import { readStackFile, removeStackFile, STACK_FILE, writeStackFile } from './stack/stack-file.ts';
import { readStackFlags } from './stack/stack-flags.ts';
import { type Stack, startStack } from './stack.ts';

const USAGE = `Usage: npm start [-- --instances N] [--mixed]

Brings the whole service up on this machine and stays until Ctrl-C: NATS, Redis, Consul, Prometheus, a simulated
fleet, the functions in a local Lambda host, and the relay. Its addresses are then in .local/stack.json.

  --instances N  simulated game servers, default 5
  --mixed        unequal ones: 2, 4 and 8 cores
  --help         print this and exit`;

const { instances, mixed } = readStackFlags(USAGE);
const stopping = new AbortController();
let stack: Stack | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void onSignal(signal));

const running = await readStackFile();
if (running !== undefined) {
  console.error(`A stack runs here already (process ${running.pid}): stop it first, or use it.`);
  process.exit(1);
}
await removeStackFile();

try {
  stack = await startStack({
    instances,
    mixed,
    signal: stopping.signal,
    onProgress: (line) => console.log(`  ${line}`),
  });
  if (!stopping.signal.aborted) {
    await writeStackFile(stack.addresses);
    console.log(describe(stack));
  }
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function onSignal(signal: 'SIGINT' | 'SIGTERM'): Promise<void> {
  if (stopping.signal.aborted) {
    console.error('forced: what still runs is killed');
    process.exit(1);
  }
  stopping.abort();
  console.log(`\n${signal}: stopping everything (again: force)`);
  await removeStackFile();
  await stack?.stop();
  // While it is still starting, startStack stops what has been started, rejects, and nothing keeps this process.
  if (stack !== undefined) process.exit(0);
}

function describe({ addresses, functions, relay, functionUrl }: Stack): string {
  const width = Math.max(...Object.keys(addresses).map((name) => name.length));
  const lines = Object.entries(addresses).map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  return `
Ready; these are in ${STACK_FILE}:
${lines.join('\n')}

  function URL of batch   ${functionUrl}
  log of the functions    ${functions.logFile}
  log of the relay        ${relay.logFile}

Next, in another terminal:
  npm run assign -- my-game
  npx game-allocator fleet
  open ${addresses.relayUrl}/ in a browser, with the token ${addresses.consoleToken}
  curl -X POST ${addresses.assignUrl} -H 'authorization: Bearer ${addresses.assignToken}' -d '{"game_id":"my-game"}'

Ctrl-C stops everything.`;
}
