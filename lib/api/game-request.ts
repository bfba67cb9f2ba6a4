import * as z from 'zod/mini';
import { gameIdProblem } from '../domain/ids.ts';
import { mustBe } from './schema.ts';

export const GameId = z.string(mustBe('a string')).check(
  z.check((context) => {
    const problem = gameIdProblem(context.value);
    if (problem !== undefined) context.issues.push({ code: 'custom', input: context.value, message: problem });
  }),
);

/** The request of lookup, renew and release. */
export const GameRequest = z.object({ game_id: GameId }, mustBe('a JSON object'));
