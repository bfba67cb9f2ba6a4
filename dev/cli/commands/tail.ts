import { noArguments, readArguments, wholeNumberOf } from '../arguments.ts';
import { type Command, type Io, WrongUsage } from '../command.ts';
import { DOOR_OPTIONS, findDoor, timeoutOf } from '../find-door.ts';
import { createLineWriter } from '../line-writer.ts';
import { clean } from '../render/clean.ts';
import { addressOf } from '../render/words.ts';

const USAGE = `Usage: game-allocator tail [--count N] [--subject SUBJECT] [--json] [--nats URL]

Prints each new assignment as it happens: when it was heard, the game, the server. A game that is asked for again, and
one that was assigned over HTTPS, is not among them. Needs NATS, and relays with ASSIGN_EVENTS=true. Ctrl-C ends it.

  --count N              exit after so many
  --subject SUBJECT      where the relays tell of them, default game.assigned (their ASSIGN_EVENT_SUBJECT)
  --json                 one line of JSON for each: {"at_ms", "game_id", "instance_id", "port", "reassigned"}
  --nats URL             as everywhere; else GAME_ALLOCATOR_NATS, else the stack of \`npm start\` in this folder
  --timeout MS           how long to wait for NATS, default 3000
  --help                 print this and exit

Examples:
  game-allocator tail
  game-allocator tail --json | jq -r .instance_id
  game-allocator tail --count 1

Exits 0 when it is ended, 1 when NATS cannot be had or lines were lost, 2 for wrong usage.`;

/** So long after nothing was heard at all it says what may be the matter, ms. */
const QUIET_MS = 5000;

export const tail: Command = {
  name: 'tail',
  summary: 'assignments as they happen',
  usage: USAGE,
  async run(args, io) {
    const { values, positionals } = readArguments(args, {
      ...DOOR_OPTIONS,
      count: { type: 'string' },
      subject: { type: 'string', default: 'game.assigned' },
    });
    noArguments(positionals);
    const count = wholeNumberOf('count', values.count, 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY;
    const door = await findDoor(values, io.env);
    if (door.kind === 'http') throw new WrongUsage('Assignments are told over NATS alone: say --nats URL.');
    const timeoutMs = timeoutOf(values);
    const { connectNats } = await import('../connect.ts'); // --help needs no NATS
    const connection = await connectNats(door.url, io.env, { timeoutMs, reconnect: true });

    const writer = createLineWriter(io.stdout);
    const ended = new AbortController();
    const subject = `${values.subject}.>`;
    let heard = 0;
    const quiet = setTimeout(() => void io.stderr.write(`${hint(subject)}\n`), QUIET_MS);
    connection.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) {
          void io.stderr.write(`${subject} cannot be listened to: ${clean(error.message)}\n`);
          return ended.abort();
        }
        if (heard === count) return;
        const line = (values.json ? toJsonLine : toTextLine)(message.string(), Date.now());
        if (line === undefined) return;
        clearTimeout(quiet);
        heard += 1;
        writer.add(line);
        if (heard === count) ended.abort();
      },
    });
    await connection.flush();
    if (!values.json) await io.stderr.write(`listening to ${subject}\n`);
    await untilEither(ended.signal, io, connection.closed());
    clearTimeout(quiet);
    await connection.close();
    const lost = await writer.end();
    if (lost > 0) await io.stderr.write(`${lost} lines were lost: whoever reads them was too slow\n`);
    return lost > 0 || (heard < count && !io.signal.aborted) ? 1 : 0;
  },
};

function hint(subject: string): string {
  return `Nothing was heard on ${subject} yet. Relays tell of assignments where they have ASSIGN_EVENTS=true (and
ASSIGN_EVENT_SUBJECT, if it is another subject: --subject); only new games over NATS are told of.`;
}

interface AssignEvent {
  readonly game_id: string;
  readonly instance_id: string;
  readonly port?: number;
  readonly reassigned?: true;
}

/** Undefined for what is no event of ours. */
function readEvent(text: string): AssignEvent | undefined {
  try {
    const event: unknown = JSON.parse(text);
    const isOurs = typeof event === 'object' && event !== null && 'game_id' in event && 'instance_id' in event;
    return isOurs && typeof event.game_id === 'string' && typeof event.instance_id === 'string'
      ? (event as AssignEvent)
      : undefined;
  } catch {
    return undefined;
  }
}

function toJsonLine(text: string, atMs: number): string | undefined {
  const event = readEvent(text);
  return event && JSON.stringify({ at_ms: atMs, ...event });
}

function toTextLine(text: string, atMs: number): string | undefined {
  const event = readEvent(text);
  if (event === undefined) return undefined;
  const time = new Date(atMs).toISOString().slice(11, 23);
  return clean(`${time}  ${event.game_id}  ${addressOf(event)}${event.reassigned === true ? '  moved' : ''}`);
}

/** Resolves when the command is told to end, has heard enough, or has lost NATS for good. */
async function untilEither(ended: AbortSignal, { signal }: Io, closed: Promise<unknown>): Promise<void> {
  const either = AbortSignal.any([ended, signal]);
  if (either.aborted) return;
  await Promise.race([closed, new Promise((resolve) => either.addEventListener('abort', resolve, { once: true }))]);
}
