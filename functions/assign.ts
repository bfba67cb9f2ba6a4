import { createHandler } from '../lib/adapters/lambda/create-handler.ts';
import { assignRoute } from '../lib/adapters/lambda/routes.ts';
import { composeFunction } from '../lib/compose.ts';

const { allocate, handler: options } = composeFunction(process.env);

/** POST /assign */
export const handler = createHandler(assignRoute(allocate), options);
