import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { connect, headers } from 'nats';
import type { Answer } from '../lib/client/allocator-client.ts';
import { createNatsClient } from '../lib/client/nats-client.ts';
import type { Sample } from '../lib/domain/fleet.ts';
import { PROJECT_ROOT } from './find-server.mjs';
import { formatTable } from './stack/format-table.ts';
import { readStackFlags } from './stack/stack-flags.ts';
import { type FleetReport, type Stack, startStack } from './stack.ts';

const USAGE = `Usage: npm run demo [-- --instances N] [--mixed]

Brings the whole service up on this machine, assigns 24 games over NATS (one of them asked for three times), prints
where each went and what each instance was measured to use before and after, and stops everything.

  --instances N  simulated game servers, default 5
  --mixed        unequal ones: 2, 4 and 8 cores
  --help         print this and exit`;

const GAMES = 24;
/** Prometheus's CPU rate covers 20 s, so what the games use is wholly in it one scrape after that. */
const EFFECT_LIMIT_MS = 45_000;
const KEPT_LOGS = join(PROJECT_ROOT, '.local', 'demo-logs');

interface Assignment {
  readonly gameId: string;
  readonly level: 'low' | 'high';
  readonly reply: Answer<'assign'>;
  readonly ms: number;
}

const flags = readStackFlags(USAGE);
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
  });
}

try {
  progress('starting everything, about 15 s');
  const stack = await startStack({ ...flags, signal: stopping.signal, onProgress: progress });
  try {
    process.exitCode = await demonstrate(stack);
  } finally {
    await stack.stop();
  }
  progress('everything is stopped');
} catch (error) {
  console.error(stopping.signal.aborted ? 'stopped' : error instanceof Error ? error.message : error);
  process.exitCode = stopping.signal.aborted ? 130 : 1;
}

async function demonstrate(stack: Stack): Promise<number> {
  const before = await stack.measuredLoad();
  const assignments = await assignGames(stack.addresses.natsUrl);
  console.log(`\n${assignmentTable(assignments)}\n`);
  const failed = assignments.filter(({ reply }) => !reply.success);
  if (failed.length > 0) {
    await keepLogs(stack);
    console.error(failureText(failed));
    return 1;
  }
  progress('waiting until Prometheus has measured what the games use, about 25 s');
  const { after, fleet, complete } = await waitForEffect(stack);
  console.log(`\n${loadTable(before, after, fleet, assignments)}\n`);
  if (!complete) progress(`(measured only in part after ${EFFECT_LIMIT_MS / 1000} s)`);
  return 0;
}

/** One after another, so that the list reads as it happened; the first game is asked for again twice. */
async function assignGames(natsUrl: string): Promise<Assignment[]> {
  const connection = await connect({ servers: natsUrl });
  // More than its default of half a second: the machine is busy starting everything.
  const allocator = createNatsClient({ connection, headers, timeoutMs: 3000 });
  const games = Array.from({ length: GAMES }, (_, index) => ({
    gameId: `demo-${String(index + 1).padStart(2, '0')}`,
    level: index % 3 === 2 ? ('high' as const) : ('low' as const),
  }));
  const [first] = games;
  const assignments: Assignment[] = [];
  for (const { gameId, level } of first === undefined ? games : [...games, first, first]) {
    stopping.signal.throwIfAborted();
    const startedAt = performance.now();
    const reply = await allocator.assign(gameId, { resource_level: level });
    assignments.push({ gameId, level, reply, ms: performance.now() - startedAt });
  }
  await connection.close();
  return assignments;
}

/** Until Prometheus shows nearly what the instances truly use. */
async function waitForEffect({ measuredLoad, fleetReport }: Stack) {
  const giveUpAt = performance.now() + EFFECT_LIMIT_MS;
  for (;;) {
    stopping.signal.throwIfAborted();
    const [after, fleet] = await Promise.all([measuredLoad(), fleetReport()]);
    const complete = fleet.every(({ address, load }) => {
      const sample = after.get(address);
      if (sample === undefined) return false;
      return sample.cpuCores > 0.85 * load.cpuCores && sample.memoryBytes > 0.95 * load.memoryBytes;
    });
    if (complete || performance.now() > giveUpAt) return { after, fleet, complete };
    await sleep(500);
  }
}

function assignmentTable(assignments: readonly Assignment[]): string {
  const rows = assignments.map(({ gameId, level, reply, ms }) => {
    const where = reply.success ? `${reply.instance_id}:${reply.port ?? '?'}` : styled('red', reply.code);
    const note = reply.success ? (reply.replayed ? styled('cyan', 'the same again') : '') : reply.message;
    return [gameId, level, where, `${ms.toFixed(0)} ms`, note];
  });
  return formatTable(['game', 'level', 'runs at', 'answered in', ''], rows);
}

function loadTable(
  before: ReadonlyMap<string, Sample>,
  after: ReadonlyMap<string, Sample>,
  fleet: readonly FleetReport[],
  assignments: readonly Assignment[],
): string {
  const rows = fleet.map(({ address, cpuCores, memoryBytes }) => {
    const own = assignments.filter(({ reply }) => reply.success && reply.instance_id === address);
    const games = new Set(own.map(({ gameId }) => gameId)).size;
    const was = before.get(address);
    const is = after.get(address);
    return [
      address,
      `${cpuCores} cores, ${gib(memoryBytes)} GiB`,
      String(games),
      percent(was?.cpuCores, cpuCores),
      styled('green', percent(is?.cpuCores, cpuCores)),
      percent(was?.memoryBytes, memoryBytes),
      styled('green', percent(is?.memoryBytes, memoryBytes)),
    ];
  });
  return formatTable(['instance', 'size', 'games', 'CPU before', 'after', 'RAM before', 'after'], rows);
}

function failureText(failed: readonly Assignment[]): string {
  const lines = failed.map(
    ({ gameId, reply }) => `  ${gameId}: ${reply.success ? '' : `${reply.code}, ${reply.message}`}`,
  );
  return `${failed.length} assignments failed:
${lines.join('\n')}
Next: look at functions.log and relay.log in ${relative(process.cwd(), KEPT_LOGS)}, or run \`npm start\` and ask one at a
time with \`npm run assign -- my-game\`. On a machine that is very busy, just try again.`;
}

/** A stack that stops removes its logs. */
async function keepLogs({ relay, functions, upstash, nats, redis, consul, prometheus, fleet }: Stack): Promise<void> {
  await mkdir(KEPT_LOGS, { recursive: true });
  for (const { logFile } of [relay, functions, upstash, nats, redis, consul, prometheus, fleet]) {
    await copyFile(logFile, join(KEPT_LOGS, basename(logFile)));
  }
}

function percent(used: number | undefined, of: number): string {
  return used === undefined ? 'unknown' : `${((used / of) * 100).toFixed(1)} %`;
}

function gib(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(0);
}

/** Colour on a terminal only (and not where NO_COLOR is set). */
function styled(format: 'red' | 'green' | 'cyan', text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

/** On stderr, so that the tables can be piped. */
function progress(line: string): void {
  console.error(`  ${line}`);
}
