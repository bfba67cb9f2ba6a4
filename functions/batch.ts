import { createHandler } from '../lib/adapters/lambda/create-handler.ts';
import { batchRoute } from '../lib/adapters/lambda/routes.ts';
import { composeFunction } from '../lib/compose.ts';

const { allocate, handler: options } = composeFunction(process.env);

/** POST /batch, and the door that the relay uses. */
export const handler = createHandler(batchRoute(allocate), options);
