import { createHandler } from '../lib/adapters/lambda/create-handler.ts';
import { healthRoute } from '../lib/adapters/lambda/routes.ts';
import { composeHealth } from '../lib/compose-health.ts';

const { service, handler: options } = composeHealth(process.env);

/** GET /health */
export const handler = createHandler(healthRoute(service), options);
