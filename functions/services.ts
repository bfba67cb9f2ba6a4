import { createHandler } from '../lib/adapters/lambda/create-handler.ts';
import { servicesRoute } from '../lib/adapters/lambda/routes.ts';
import { composeFunction } from '../lib/compose.ts';

const { allocate, handler: options } = composeFunction(process.env);

/** POST /services/{service}/instance and GET /services/{service}/instances */
export const handler = createHandler(servicesRoute(allocate), options);
