import type { LambdaHostOptions } from '../lambda-host/start-lambda-host.ts';
import type { RunningServer } from '../servers/running-server.ts';
import { startNodeServer } from './node-server.ts';

/** The project's own parts of the stack, each a process of its own. */

export function startUpstash(redisUrl: string, token: string): Promise<RunningServer> {
  return startNodeServer({
    name: 'upstash',
    script: 'dev/upstash/main.ts',
    env: { REDIS_URL: redisUrl, UPSTASH_TOKEN: token },
    args: ([port]) => ['--port', `${port}`],
    readyPath: '/__counters',
  });
}

export interface FleetProcessOptions {
  readonly consulUrl: string;
  readonly redisUrl: string;
  readonly targetsFile: string;
  readonly instances: number;
  readonly mixed: boolean;
  readonly maxGames?: number | undefined;
}

/** `printedUrl` tells where it answers; the port in its `url` is not used. */
export function startFleetProcess(options: FleetProcessOptions): Promise<RunningServer> {
  const { consulUrl, redisUrl, targetsFile, instances, mixed, maxGames } = options;
  return startNodeServer({
    name: 'fleet',
    script: 'dev/fleet/main.ts',
    printsUrl: true,
    readyPath: '/fleet',
    args: () => [
      ...['--consul-url', consulUrl, '--redis-url', redisUrl, '--targets-file', targetsFile],
      ...['--instances', `${instances}`, ...(mixed ? ['--mixed'] : [])],
      ...(maxGames === undefined ? [] : ['--max-games', `${maxGames}`]),
    ],
  });
}

/** `url` is the HTTP API's origin; the function URL has the port that is returned beside it. */
export async function startFunctions(
  options: LambdaHostOptions,
): Promise<{ readonly server: RunningServer; readonly functionUrl: string }> {
  let functionUrl = '';
  const server = await startNodeServer({
    name: 'functions',
    script: 'dev/lambda-host/main.ts',
    env: { LAMBDA_HOST_OPTIONS: JSON.stringify(options) },
    ports: 2,
    args: ([port, urlPort]) => {
      functionUrl = `http://127.0.0.1:${urlPort}/`;
      return ['--port', `${port}`, '--function-url-port', `${urlPort}`];
    },
    readyPath: '/__host',
  });
  return { server, functionUrl };
}

/** Resolves when it serves (`/readyz`). `env` needs NATS_URL, and ALLOCATOR_URL with ALLOCATOR_TOKEN or what deciding needs. */
export function startRelay(env: Readonly<Record<string, string>>): Promise<RunningServer> {
  return startNodeServer({
    name: 'relay',
    script: 'dist/relay/relay.mjs',
    env: { LOG_FORMAT: 'json', ...env },
    args: () => [],
    portEnv: ([port]) => [`PORT=${port}`],
    readyPath: '/readyz',
  });
}
