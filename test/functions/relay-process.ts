import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { freePort } from '../../dev/servers/free-port.ts';
import { openTranscript } from '../../dev/servers/transcripts.ts';

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** functions/relay.ts as a process of its own, with `env` and nothing else in its environment. */
export function startProcess(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child: ChildProcess = spawn(process.execPath, ['functions/relay.ts', ...args], { env });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, output })));
  void ended.then(() => openTranscript('logs', 'relay')?.write(output));
  return { ended, output: () => output, kill: (signal: NodeJS.Signals) => child.kill(signal) };
}

/** A stand-in for the function behind POST /batch; `answer` may leave a request without a response. */
export async function startFunction(
  answer: (items: unknown[], response: ServerResponse, request: IncomingMessage) => void,
) {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer(JSON.parse(Buffer.concat(chunks).toString()).items, response, request));
  });
  const port = await freePort();
  const start = () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await start();
  return {
    url: `http://127.0.0.1:${port}/batch`,
    start,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export function respond(response: ServerResponse, items: readonly unknown[]): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ v: 1, items }));
}
