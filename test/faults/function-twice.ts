import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/**
 * A server before `target` that sends each of its answers twice, for this test; gives its origin. The second time when the
 * next request is under way on that connection, so that whoever takes what comes next for the answer takes a wrong one.
 */
export async function startTwiceAnswering(target: string): Promise<string> {
  const lastOn = new WeakMap<Socket, string>();
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { socket } = incoming;
    socket.write(lastOn.get(socket) ?? '');
    const answer = await fetch(new URL(incoming.url ?? '/', target), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: incoming.headers.authorization ?? '' },
      body: Buffer.concat(chunks),
    });
    const body = await answer.text();
    lastOn.set(socket, `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    outgoing.writeHead(answer.status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
