import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface EchoUpstream {
  readonly url: string;
  /** All that was sent to it, so that a test can tell that the secrets came here. */
  readonly received: () => string;
  stop(): void;
}

/**
 * An upstream that refuses everybody in the worst way: whatever was sent to it, credentials included, is in its answer's
 * status line, headers and body, and in the fields in which error codes are looked for.
 */
export async function startEchoUpstream(status: number): Promise<EchoUpstream> {
  let received = '';
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const sent = JSON.stringify({ url: request.url, headers: request.headers, body });
    received += sent;
    const token = /canary-[\w-]+/.exec(sent)?.[0] ?? 'none';
    const refusal = {
      error: `WRONGPASS ${sent}`,
      __type: token,
      code: token,
      message: sent,
      errorType: token,
      warnings: [sent],
    };
    response.writeHead(status, `Refused ${token}`, { 'x-amzn-errortype': token, 'x-sent': token });
    response.end(JSON.stringify(refusal));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => received,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
