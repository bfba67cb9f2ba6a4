import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Stoppable } from './bench.ts';

/** An SSM on loopback that has these secrets under `path`; `env` leads a function to it. */
export interface FakeSsm extends Stoppable {
  readonly env: Readonly<Record<string, string>>;
}

export async function startFakeSsm(path: string, secrets: Readonly<Record<string, string>>): Promise<FakeSsm> {
  const parameters = Object.entries(secrets).map(([name, value]) => ({
    Name: `${path}/${name.toLowerCase().replaceAll('_', '-')}`,
    Value: value,
    Type: 'SecureString',
  }));
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify({ Parameters: parameters }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    env: {
      SSM_PATH: path,
      AWS_ENDPOINT_URL_SSM: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'bench',
      AWS_SECRET_ACCESS_KEY: 'bench',
    },
    async stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
