import { createHandler } from '../lib/adapters/lambda/create-handler.ts';
import { consoleRoute } from '../lib/adapters/lambda/routes.ts';
import { composeHealth } from '../lib/compose-health.ts';
import { page } from './console/page.ts';

const { handler: options } = composeHealth(process.env);

/** GET / */
export const handler = createHandler(consoleRoute(page), options);
