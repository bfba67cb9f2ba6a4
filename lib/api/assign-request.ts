import * as z from 'zod/mini';
import { gameIdProblem } from '../domain/ids.ts';
import { mustBe } from './schema.ts';

/** Bytes that one request may have, over any door. */
export const MAX_REQUEST_BYTES = 16 * 1024;

const GameId = z.string(mustBe('a string')).check(
  z.check((context) => {
    const problem = gameIdProblem(context.value);
    if (problem !== undefined) context.issues.push({ code: 'custom', input: context.value, message: problem });
  }),
);

/** What a game mostly needs: `low` weighs CPU, `high` weighs RAM. */
const ResourceLevel = z.enum(['low', 'high'], mustBe('"low" or "high"'));

/** `game.assign.request` and `POST /assign`. Unknown keys are ignored; null is a value of the wrong type. */
export const AssignRequest = z.object(
  {
    game_id: GameId,
    settings: z.optional(z.object({ resource_level: z.optional(ResourceLevel) }, mustBe('an object'))),
  },
  mustBe('a JSON object'),
);
export type AssignRequest = z.infer<typeof AssignRequest>;
