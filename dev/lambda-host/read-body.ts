import type { IncomingMessage } from 'node:http';

/** The whole body, or undefined as soon as it is longer than `limitBytes` (the rest is read and dropped). */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limitBytes) chunks.push(chunk);
    });
    request.on('end', () => resolve(size <= limitBytes ? Buffer.concat(chunks, size) : undefined));
    request.on('error', reject);
  });
}
