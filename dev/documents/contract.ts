import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Call, Route } from '../../lib/adapters/lambda/create-handler.ts';
import * as routeMakers from '../../lib/adapters/lambda/routes.ts';
import type { Allocate } from '../../lib/api/allocate.ts';
import { OPS, type Op } from '../../lib/api/op.ts';
import { failureReply } from '../../lib/api/outcomes.ts';
import { SUCCESSES } from '../../lib/api/reply.ts';
import { REQUESTS } from '../../lib/api/requests.ts';
import { readEnv } from '../../lib/config/env.ts';
import { type RelayConfig, readRelayConfig } from '../../lib/config/relay-config.ts';
import { type Services, ServicesVariables, toServices } from '../../lib/config/services.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { PROJECT_ROOT } from '../find-server.mjs';
import { readService } from '../lambda-host/service.ts';

/** All that the documents are made of, as the code has it. */
export interface Contract {
  readonly version: string;
  /** In the order in which they are described. */
  readonly ops: readonly Op[];
  readonly requests: Readonly<Record<Op, z.ZodMiniType>>;
  readonly replies: Readonly<Record<Op, z.ZodMiniType>>;
  readonly routes: readonly HttpRoute[];
  readonly services: Services;
  readonly nats: NatsContract;
}

export interface HttpRoute {
  /** `POST /assign`, as it stands in serverless.yml. */
  readonly key: string;
  readonly method: string;
  readonly path: string;
  /** Names of what stands in the path. */
  readonly parameters: readonly string[];
  readonly functionName: string;
  /** What it carries out; undefined: nothing of its own, as a batch, a page or the health do. */
  readonly op: Op | undefined;
  /** Anybody may ask. */
  readonly open: boolean;
  readonly body: 'none' | 'optional' | 'required';
}

/** What a relay listens to and publishes by default, with an event for each way. */
export interface NatsContract {
  readonly endpoints: RelayConfig['endpoints'];
  readonly queue: string;
  /** Of assignments, without the instance's id at its end. */
  readonly eventSubject: string;
}

/** An event's subject is the backend's own: this one stands for it in the documents. */
export const RELEASE_SUBJECT = 'game.over.*';

export async function readContract(): Promise<Contract> {
  const { routes } = await readService(join(PROJECT_ROOT, 'serverless.yml'));
  const { endpoints, nats, assignEvents } = readRelayConfig({
    ALLOCATOR_URL: 'https://example.com/batch',
    RELEASE_SUBJECTS: RELEASE_SUBJECT,
    ASSIGN_EVENTS: 'true',
  });
  return {
    version: packageJson.version,
    ops: OPS,
    requests: REQUESTS,
    replies: SUCCESSES,
    routes: await Promise.all(routes.map(({ routeKey, functionName }) => describeRoute(routeKey, functionName))),
    services: toServices(readEnv(z.object(ServicesVariables), {})),
    nats: { endpoints, queue: nats.queue, eventSubject: assignEvents?.subject ?? '' },
  };
}

async function describeRoute(key: string, functionName: string): Promise<HttpRoute> {
  const [method = '', path = ''] = key.split(' ');
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  let op: Op | undefined;
  const note: Allocate = async (items) => {
    const asked = items[0]?.op;
    op = OPS.find((known) => known === asked);
    return items.map(() => failureReply({ code: 'not_found' }));
  };
  const route = makeRoute(functionName, note);
  // Which operation it is that a route asks for, it says best itself.
  const call: Call = {
    routeKey: key,
    parameters: Object.fromEntries(parameters.map((name) => [name, 'x'])),
    budgetMs: 1,
    spentMs: 0,
    signal: new AbortController().signal,
  };
  await route.run({}, call);
  const hasBody = method === 'POST' && route.maxBodyBytes !== undefined;
  const body = !hasBody ? 'none' : route.bodyMayBeAbsent ? 'optional' : 'required';
  return { key, method, path, parameters, functionName, op, open: route.open === true, body };
}

/** A function's route, made by the function of routes.ts that has its name; what asks nobody takes anything else. */
function makeRoute(functionName: string, allocate: Allocate): Route {
  const makers: Readonly<Record<string, (argument: never) => Route>> = routeMakers;
  const make = makers[`${functionName}Route`];
  if (make === undefined) throw new Error(`lib/adapters/lambda/routes.ts has no ${functionName}Route.`);
  return make(allocate as never);
}
