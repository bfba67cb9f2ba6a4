import type { Command } from '../command.ts';
import { DOOR_USAGE } from '../find-door.ts';
import { runAboutGame } from '../run-about-game.ts';

const USAGE = `Usage: game-allocator lookup GAME_ID [options]

Says where a game runs. Only reads: nothing is assigned, moved or kept longer.

${DOOR_USAGE}

Examples:
  game-allocator lookup my-game
  game-allocator lookup my-game --json

Exits 0 when the game is assigned, 1 when it is not or nothing answers, 2 for wrong usage.`;

export const lookup: Command = {
  name: 'lookup',
  summary: 'where a game runs',
  usage: USAGE,
  run: (args, io) =>
    runAboutGame<'lookup'>(args, io, {
      ask: (client, gameId) => client.lookup(gameId),
      toText: (gameId, { instance_id, expires_in_s }) =>
        `${gameId} runs on ${instance_id}; its record lives ${expires_in_s === undefined ? 'for ever' : `${expires_in_s} s`}`,
    }),
};
