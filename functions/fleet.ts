import { createHandler } from '../lib/adapters/lambda/create-handler.ts';
import { fleetRoute } from '../lib/adapters/lambda/routes.ts';
import { composeFunction } from '../lib/compose.ts';

const { allocate, handler: options } = composeFunction(process.env);

/** GET /fleet and POST /fleet/explain */
export const handler = createHandler(fleetRoute(allocate), options);
