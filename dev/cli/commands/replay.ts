import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { noArguments, readArguments, wholeNumberOf } from '../arguments.ts';
import { CannotGoOn, type Command, WrongUsage } from '../command.ts';

const USAGE = `Usage: game-allocator replay FILE [--redis URL] [--set NAME=VALUE]... [--most N] [--json]

Makes logged decisions again (DECISION_LOG=sample or all) and shows every one that comes out otherwise. FILE is a log
as it is, of a relay or of functions: other lines are passed over, and what \`docker logs\` or CloudWatch put around a
line does not matter. \`-\` reads from a pipe. Each decision is made by place.lua from what it met then, in a Redis in
which nothing is touched but some keys under a prefix of its own, which are removed at the end.

  --redis URL       such as redis://:password@localhost:6379/0; else REDIS_HOST (REDIS_PORT, REDIS_DB, REDIS_PASSWORD),
                    else the Redis of the stack that \`npm start\` brought up in this folder
  --set NAME=VALUE  what would have come of another setting: of GAME_CPU_CORES, GAME_CPU_CORES_HIGH,
                    GAME_MEMORY_BYTES, GAME_MEMORY_BYTES_HIGH, STRATEGY and PACK_CEILING; may be repeated. Each
                    decision is then made with it from the state as it was, and another winner is a difference
  --most N          show at most so many differences, default 20
  --json            the same as one line of JSON, with up to 1000 differences
  --help            print this and exit

Examples:
  game-allocator replay relay.log
  docker logs relay | game-allocator replay -
  game-allocator replay relay.log --set GAME_CPU_CORES=0.25

Exits 0 when there is no difference, 1 when there is one, or no decision in FILE, or no Redis, 2 for wrong usage.`;

const OPTIONS = {
  redis: { type: 'string' },
  set: { type: 'string', multiple: true, default: [] as string[] },
  most: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const replay: Command = {
  name: 'replay',
  summary: 'make logged decisions again, and show any difference',
  usage: USAGE,
  async run(args, io) {
    const { values, positionals } = readArguments(args, OPTIONS);
    const [file, ...others] = positionals;
    if (file === undefined) throw new WrongUsage('Which FILE?');
    noArguments(others);
    const most = wholeNumberOf('most', values.most, 0, 1000) ?? 20;
    await mustBeReadable(file);
    // What asks Redis is not for commands that do not.
    const { replayFile } = await import('../replay/replay-file.ts');
    const replayed = await replayFile(linesOf(file, io.signal), values, io);
    if (io.signal.aborted) return 1;
    if (replayed.decisions === 0 && replayed.without_snapshot === 0 && replayed.unreadable === 0) {
      throw new CannotGoOn('No decision is in it: DECISION_LOG=sample logs one of a hundred, DECISION_LOG=all each.');
    }
    const { toText } = await import('../replay/replay-text.ts');
    await io.stdout.write(`${values.json ? JSON.stringify(replayed) : toText(replayed, most)}\n`);
    return replayed.different === 0 ? 0 : 1;
  },
};

async function mustBeReadable(file: string): Promise<void> {
  const stats = file === '-' ? undefined : await stat(file).catch(() => undefined);
  if (file !== '-' && (stats === undefined || stats.isDirectory())) throw new CannotGoOn(`${file} cannot be read.`);
}

/**
 * They end where `signal` fires, too: nobody may be writing into the pipe. Read from the first time on that one is asked
 * for: what readline reads before that is lost, and so is the end of a short file.
 */
async function* linesOf(file: string, signal: AbortSignal): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  yield* createInterface({ input, signal, crlfDelay: Number.POSITIVE_INFINITY });
}
