import type { Op } from '../../lib/api/op.ts';
import type { SuccessReplies } from '../../lib/api/outcomes.ts';
import type { AllocatorClient, Answer } from '../../lib/client/allocator-client.ts';
import { onlyArgument, readArguments } from './arguments.ts';
import type { Io } from './command.ts';
import { DOOR_OPTIONS } from './find-door.ts';
import { openDoor } from './open-door.ts';
import { tell } from './tell.ts';

export interface AboutGame<O extends Op> {
  readonly ask: (client: AllocatorClient, gameId: string) => Promise<Answer<O>>;
  readonly toText: (gameId: string, reply: SuccessReplies[O]) => string;
}

/** A command that takes a game's id and nothing else. */
export async function runAboutGame<O extends Op>(
  args: readonly string[],
  io: Io,
  { ask, toText }: AboutGame<O>,
): Promise<number> {
  const { values, positionals } = readArguments(args, DOOR_OPTIONS);
  const gameId = onlyArgument(positionals, 'GAME_ID');
  const { client, close } = await openDoor(values, io);
  const answer = await ask(client, gameId);
  await close();
  return tell<O>(io, values.json, answer, (reply) => toText(gameId, reply));
}
