import { createHandler } from '../lib/adapters/lambda/create-handler.ts';
import { gamesRoute } from '../lib/adapters/lambda/routes.ts';
import { composeFunction } from '../lib/compose.ts';

const { allocate, handler: options } = composeFunction(process.env);

/** GET /games/{game_id}, POST /games/{game_id}/renew and DELETE /games/{game_id} */
export const handler = createHandler(gamesRoute(allocate), options);
