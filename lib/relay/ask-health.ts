import { get } from 'node:http';

/** Longer than a relay under full load takes, and shorter than the 5 s that a container's health check has, ms. */
const LIMIT_MS = 4000;

/**
 * Whether the relay on this machine is well: what a container asks that has nothing in it to ask with but the relay
 * itself. True from the first time that it was ready, as long as it answers.
 */
export function askHealth(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/startedz', timeout: LIMIT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
    request.on('close', () => resolve(false)); // a promise is settled once: after an answer this says nothing
  });
}
