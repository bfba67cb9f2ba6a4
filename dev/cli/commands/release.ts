import type { Command } from '../command.ts';
import { DOOR_USAGE } from '../find-door.ts';
import { runAboutGame } from '../run-about-game.ts';

const USAGE = `Usage: game-allocator release GAME_ID [options]

Says that a game is over: its record goes, and its place and its share of the load are free at once. Asked twice, or for
a game that nobody knows, it is a success too.

${DOOR_USAGE}

Examples:
  game-allocator release my-game
  game-allocator release my-game --json

Exits 0 when it is released, 1 when nothing answers, 2 for wrong usage.`;

export const release: Command = {
  name: 'release',
  summary: 'a game is over',
  usage: USAGE,
  run: (args, io) =>
    runAboutGame<'release'>(args, io, {
      ask: (client, gameId) => client.release(gameId),
      toText: (gameId) => `${gameId} is released`,
    }),
};
