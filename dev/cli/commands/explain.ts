import { onlyArgument, readArguments } from '../arguments.ts';
import type { Command } from '../command.ts';
import { DOOR_OPTIONS, DOOR_USAGE } from '../find-door.ts';
import { GAME_OPTIONS, GAME_USAGE, settingsOf } from '../game-options.ts';
import { openDoor } from '../open-door.ts';
import { explainText } from '../render/explain-text.ts';
import { tell } from '../tell.ts';

const USAGE = `Usage: game-allocator explain GAME_ID [options]

Says where \`assign\` would put the game now, and why: every candidate with its score and the reason. Nothing is written.

${GAME_USAGE}
${DOOR_USAGE}

Examples:
  game-allocator explain my-game
  game-allocator explain my-game --require region=eu
  game-allocator explain my-game --json | jq .candidates[0]

Exits 0 when it is explained, also where no server could take the game; 1 when nothing answers, 2 for wrong usage.`;

export const explain: Command = {
  name: 'explain',
  summary: 'why a game would go where it would go',
  usage: USAGE,
  async run(args, io) {
    const { values, positionals } = readArguments(args, { ...DOOR_OPTIONS, ...GAME_OPTIONS });
    const gameId = onlyArgument(positionals, 'GAME_ID');
    const settings = settingsOf(values);
    const { client, close } = await openDoor(values, io);
    const answer = await client.explain(gameId, settings);
    await close();
    return tell<'explain'>(io, values.json, answer, (reply) => explainText(reply, io.stdout.colour));
  },
};
