import { drip, flood, hang, type Listener, reply } from './http-server.ts';

/** What any HTTP upstream may do instead of answering, and how its adapter is to call that. */
export const UPSTREAM_FAULTS: readonly { fault: string; listener: Listener; failure: string; status?: number }[] = [
  { fault: 'answers nothing', listener: reply(200, ''), failure: 'invalid_body' },
  { fault: 'answers HTML', listener: reply(200, '<html>Welcome</html>'), failure: 'invalid_body' },
  { fault: 'answers null', listener: reply(200, 'null'), failure: 'invalid_body' },
  { fault: 'answers a number', listener: reply(200, '7'), failure: 'invalid_body' },
  { fault: 'answers half a JSON text', listener: reply(200, '[{"Node":'), failure: 'invalid_body' },
  { fault: 'answers 401', listener: reply(401, 'no'), failure: 'refused', status: 401 },
  { fault: 'answers 403', listener: reply(403, 'no'), failure: 'refused', status: 403 },
  { fault: 'answers 429', listener: reply(429, 'later'), failure: 'status', status: 429 },
  { fault: 'answers 500', listener: reply(500, 'no'), failure: 'status', status: 500 },
  { fault: 'answers 503', listener: reply(503, 'no'), failure: 'status', status: 503 },
  { fault: 'answers 302', listener: reply(302, '', { location: '/elsewhere' }), failure: 'status', status: 302 },
  { fault: 'never answers', listener: hang, failure: 'timeout' },
  { fault: 'drips', listener: drip, failure: 'timeout' },
  { fault: 'never ends', listener: flood, failure: 'invalid_body' },
];

/** Short for what must run into it, and long for what must not. */
export function limitFor(failure: string): AbortSignal {
  return AbortSignal.timeout(failure === 'timeout' ? 500 : 30_000);
}
