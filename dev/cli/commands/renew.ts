import type { Command } from '../command.ts';
import { DOOR_USAGE } from '../find-door.ts';
import { runAboutGame } from '../run-about-game.ts';

const USAGE = `Usage: game-allocator renew GAME_ID [options]

Keeps a game's record and its place for as long as a new one has them. Never makes them shorter.

${DOOR_USAGE}

Examples:
  game-allocator renew my-game
  game-allocator renew my-game --json

Exits 0 when it lives longer, 1 when the game is not assigned or nothing answers, 2 for wrong usage.`;

export const renew: Command = {
  name: 'renew',
  summary: 'keep a game longer',
  usage: USAGE,
  run: (args, io) =>
    runAboutGame<'renew'>(args, io, {
      ask: (client, gameId) => client.renew(gameId),
      toText: (gameId, { instance_id, expires_in_s }) =>
        `${gameId} stays on ${instance_id}; its record lives ${expires_in_s === undefined ? 'for ever' : `${expires_in_s} s`}`,
    }),
};
