import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../../../lib/client/allocator-client.ts';
import { unlessAborted } from '../../doctor/ask.ts';
import { noArguments, readArguments } from '../arguments.ts';
import { type Command, type Io, WrongUsage } from '../command.ts';
import { DOOR_OPTIONS, DOOR_USAGE } from '../find-door.ts';
import { type Door, openDoor } from '../open-door.ts';
import { fleetText, SORTS, type Sort } from '../render/fleet-text.ts';
import { openScreen } from '../render/screen.ts';
import { failureText, tell, toJson } from '../tell.ts';

const USAGE = `Usage: game-allocator fleet [--once] [--sort cpu|ram|games|id] [options]

Shows every server: whether it takes games, its CPU and RAM as measured and as expected with the games not yet
measured, its games, and how many it got in each half minute of the last five. In a terminal the table is drawn anew
each second and fits the window; Ctrl-C ends it. Elsewhere, and with --once, it is printed once, whole.

  --once                 print it once and exit
  --sort WHAT            cpu (the default), ram, games: the most first; or id
${DOOR_USAGE}
With --json: one line of JSON each second, or one with --once.

Examples:
  game-allocator fleet
  game-allocator fleet --once --sort games
  game-allocator fleet --json --once | jq '.instances | length'

Exits 0 when it was shown, 1 when nothing answers, 2 for wrong usage.`;

const EVERY_MS = 1000;

export const fleet: Command = {
  name: 'fleet',
  summary: 'every server, its load and its games, live',
  usage: USAGE,
  async run(args, io) {
    const { values, positionals } = readArguments(args, {
      ...DOOR_OPTIONS,
      once: { type: 'boolean', default: false },
      sort: { type: 'string', default: 'cpu' },
    });
    noArguments(positionals);
    const sort = readSort(values.sort);
    const door = await openDoor(values, io);
    try {
      const live = !values.once && (values.json || io.stdout.isTerminal);
      if (!live) return await showOnce(door, io, values.json, sort);
      return values.json ? await printLines(door, io) : await drawTable(door, io, sort);
    } finally {
      await door.close();
    }
  },
};

function readSort(text: string): Sort {
  const sort = SORTS.find((known) => known === text);
  if (sort === undefined) throw new WrongUsage(`--sort must be one of ${SORTS.join(', ')}.`);
  return sort;
}

async function showOnce({ client }: Door, io: Io, json: boolean, sort: Sort): Promise<number> {
  const { colour } = io.stdout;
  return tell<'fleet'>(io, json, await client.fleet(), (reply) => fleetText(reply, { sort, colour }));
}

async function printLines({ client }: Door, { stdout, signal }: Io): Promise<number> {
  let last: Answer<'fleet'> | undefined;
  for await (const answer of eachSecond(() => client.fleet(), signal)) {
    last = answer;
    await stdout.write(`${toJson(answer)}\n`);
  }
  return last === undefined || last.success ? 0 : 1;
}

/** A failure stands above the last table that there was: a relay that restarts is back in a second. */
async function drawTable({ client }: Door, io: Io, sort: Sort): Promise<number> {
  const { stdout, stderr, signal } = io;
  const first = await client.fleet();
  if (!first.success) {
    await stderr.write(`${failureText(first)}\n`);
    return 1;
  }
  let last: Answer<'fleet'> = first;
  let lastGood = first;
  const screen = await openScreen(stdout);
  try {
    for await (const answer of eachSecond(() => client.fleet(), signal)) {
      last = answer;
      if (answer.success) lastGood = answer;
      const failure = answer.success ? [] : failureText(answer).split('\n');
      const rows = stdout.size().rows - failure.length;
      await screen.draw([...failure, fleetText(lastGood, { sort, colour: stdout.colour, rows })].join('\n'));
    }
  } finally {
    await screen.close();
  }
  return last.success ? 0 : 1;
}

/** What `ask` says, at once and then each second, or as often as it can where that takes longer. */
async function* eachSecond<T>(ask: () => Promise<T>, signal: AbortSignal): AsyncGenerator<T> {
  const startedAt = performance.now();
  try {
    for (let round = 1; !signal.aborted; round += 1) {
      yield await unlessAborted(ask(), signal);
      await sleep(Math.max(0, startedAt + round * EVERY_MS - performance.now()), undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
