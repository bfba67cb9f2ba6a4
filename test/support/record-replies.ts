// Vitest's set-up for each test file: what comes back to the tests' own calls of fetch() is collected.
import { subscribe } from 'node:diagnostics_channel';
import { openTranscript } from '../../dev/servers/transcripts.ts';

interface Request {
  readonly method: string;
  readonly path: string;
}

const transcript = openTranscript('replies', 'http');
if (transcript !== undefined) {
  // Where fetch() tells of itself: a copy of the answer would have to be read to its end, and that changes the test.
  subscribe('undici:request:headers', (message) => {
    const { request, response } = message as { request: Request; response: { statusCode: number; headers: Buffer[] } };
    if (isOurs(request)) transcript.write(`${request.method} ${response.statusCode} ${response.headers}`);
  });
  subscribe('undici:request:bodyChunkReceived', (message) => {
    const { request, chunk } = message as { request: Request; chunk: Buffer };
    if (isOurs(request)) transcript.write(chunk.toString());
  });
}

/** Consul's and Prometheus's answers are not ours. */
function isOurs({ path }: Request): boolean {
  return !/^\/(api\/)?v1\//.test(path);
}
