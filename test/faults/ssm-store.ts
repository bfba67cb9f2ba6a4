import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const PATH = '/game-allocator/local';

/** What SSM Parameter Store answers to GetParametersByPath, on loopback; it can be told to answer otherwise. */
export interface SsmStore {
  /** Leads a function to it. Empty variables are as if they were not there: the store has them. */
  readonly env: Readonly<Record<string, string>>;
  /** The secrets from now on, by their variables' names. */
  set(secrets: Readonly<Record<string, string>>): void;
  /** Refuses to answer, as SSM does beyond 40 requests a second. */
  throttle(on: boolean): void;
  /** Requests since the start. */
  reads(): number;
  stop(): Promise<void>;
}

export async function startSsmStore(): Promise<SsmStore> {
  let secrets: Readonly<Record<string, string>> = {};
  let throttled = false;
  let reads = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      reads += 1;
      const body = throttled
        ? { __type: 'ThrottlingException', message: 'Rate exceeded' }
        : { Parameters: Object.entries(secrets).map(toParameter) };
      response.writeHead(throttled ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    env: {
      SSM_PATH: PATH,
      AWS_ENDPOINT_URL_SSM: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      UPSTASH_REDIS_REST_TOKEN: '',
      API_TOKENS: '',
    },
    set(next) {
      secrets = next;
    },
    throttle(on) {
      throttled = on;
    },
    reads: () => reads,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function toParameter([name, value]: [string, string]) {
  return { Name: `${PATH}/${name.toLowerCase().replaceAll('_', '-')}`, Value: value, Type: 'SecureString' };
}
