import { connect } from 'node:net';

/** Connects to loopback, sends `request` (may be empty) and returns the first bytes that come back, as text. */
export function askTcp(port: number, request: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', signal });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without an answer')));
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    if (request !== '') socket.write(request);
  });
}
