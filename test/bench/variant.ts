import { join } from 'node:path';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';
import type { LambdaHostOptions, LambdaHostStatus } from '../../dev/lambda-host/start-lambda-host.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { startNodeServer } from '../../dev/stack/node-server.ts';
import { startFunctions, startRelay } from '../../dev/stack/start-parts.ts';
import type { Bench } from './bench.ts';
import type { World } from './world.ts';

/** A Lambda host with one function behind its function URL. */
export interface Functions {
  readonly server: RunningServer;
  readonly url: string;
  readonly status: () => Promise<LambdaHostStatus>;
}

/** One way through: a relay on a subject of its own, and the functions behind it. */
export interface Variant {
  readonly name: string;
  readonly subject: string;
  readonly relay: RunningServer;
  readonly functions: Functions;
  readonly stop: () => Promise<void>;
}

export const ENVIRONMENTS = 4;
const HANDLERS = join(PROJECT_ROOT, 'test', 'bench', 'handlers');

/** The built functions, for the fleet of that size or with that environment. */
export function startProduct(
  bench: Bench,
  world: World,
  fleet: number | Readonly<Record<string, string>>,
  options: Omit<LambdaHostOptions, 'env'> = {},
): Promise<Functions> {
  return startHost(bench, { ...options, env: typeof fleet === 'number' ? world.functionEnv(fleet) : fleet });
}

/** The trivial handler that does one no-op script. */
export function startFloor(bench: Bench, world: World): Promise<Functions> {
  return startHost(bench, { root: HANDLERS, env: world.functionEnv(30) });
}

async function startHost({ started }: Bench, options: LambdaHostOptions): Promise<Functions> {
  let url = '';
  const host = startFunctions({
    maxEnvironments: ENVIRONMENTS,
    provisioned: { batch: ENVIRONMENTS },
    ...options,
  }).then(({ server, functionUrl }) => {
    url = functionUrl;
    return server;
  });
  const server = await started(host);
  const status = async () => (await fetch(`${server.url}/__host`)).json() as Promise<LambdaHostStatus>;
  return { server, url, status };
}

export interface VariantOptions {
  /** `product`: the built relay. `unbatched`: the same without batching. */
  readonly relay?: 'product' | 'unbatched';
  readonly relayEnv?: Readonly<Record<string, string>>;
}

/** Puts a relay before the functions. */
export async function startVariant(
  { started }: Bench,
  world: World,
  name: string,
  functions: Functions,
  { relay = 'product', relayEnv = {} }: VariantOptions = {},
): Promise<Variant> {
  const subject = `bench.${name}`;
  const env = {
    NATS_URL: world.nats.url,
    ALLOCATOR_URL: `${functions.url}batch`,
    ALLOCATOR_TOKEN: world.token,
    ASSIGN_SUBJECT: subject,
    ...relayEnv,
  };
  const server = await started(relay === 'product' ? startRelay(env) : startUnbatchedRelay(env));
  return {
    ...{ name, subject, relay: server, functions },
    async stop() {
      await server.stop();
      await functions.server.stop();
    },
  };
}

function startUnbatchedRelay(env: Readonly<Record<string, string>>): Promise<RunningServer> {
  return startNodeServer({
    name: 'unbatched-relay',
    script: 'test/bench/processes/unbatched-relay.ts',
    env: { LOG_FORMAT: 'json', ...env },
    args: ([port]) => ['--port', `${port}`],
    readyPath: '/readyz',
  });
}
