import type { AssignSettings } from '../../../lib/client/assign-settings.ts';
import { onlyArgument, readArguments, wholeNumberOf } from '../arguments.ts';
import type { Command } from '../command.ts';
import { DOOR_OPTIONS, DOOR_USAGE } from '../find-door.ts';
import { GAME_OPTIONS, GAME_USAGE, settingsOf } from '../game-options.ts';
import { openDoor } from '../open-door.ts';
import { addressOf } from '../render/words.ts';
import { tell } from '../tell.ts';

const USAGE = `Usage: game-allocator assign GAME_ID [options]

Asks where a game should run, and records it: whoever asks again for that game gets the same server.

${GAME_USAGE}
  --wait-ms MS           over NATS: where every server is full, wait so long for a place, up to 10000
${DOOR_USAGE}

Examples:
  game-allocator assign my-game
  game-allocator assign my-game --level high --require region=eu --prefer gpu
  game-allocator assign my-game --json --url https://allocator.example.com

Exits 0 when the game was assigned, 1 when it was not, 2 for wrong usage.`;

export const assign: Command = {
  name: 'assign',
  summary: 'a server for a game',
  usage: USAGE,
  async run(args, io) {
    const { values, positionals } = readArguments(args, {
      ...DOOR_OPTIONS,
      ...GAME_OPTIONS,
      'wait-ms': { type: 'string' },
    });
    const gameId = onlyArgument(positionals, 'GAME_ID');
    const wait_ms = wholeNumberOf('wait-ms', values['wait-ms'], 0, 10_000);
    const settings: AssignSettings = { ...settingsOf(values), wait_ms };
    const { client, close } = await openDoor(values, io);
    const answer = await client.assign(gameId, settings);
    await close();
    return tell<'assign'>(io, values.json, answer, (reply) => {
      const remarks = [
        ...(reply.replayed ? ['it was assigned before'] : []),
        ...(reply.reassigned ? ['moved: its earlier server is gone'] : []),
        ...(reply.degraded ? [`decided without an answer of ${reply.degraded.join(' and ')}`] : []),
      ];
      const told = remarks.length === 0 ? '' : ` (${remarks.join('; ')})`;
      return `${gameId} runs on ${addressOf(reply)}${told}`;
    });
  },
};
