import * as z from 'zod/mini';
import { UpstreamError } from '../../app/upstream-error.ts';
import type { HttpAnswer } from '../http/http-client.ts';

const Answer = z.union([z.object({ error: z.string() }), z.object({ result: z.unknown() })]);

/**
 * The result of a command. Throws UpstreamError:
 * - `refused` (401, 403, or Redis's own words for it) and `error_reply`: nothing was done, as our scripts check before
 *   they write;
 * - `status` 429, 503, redirects and other 4xx: turned away before Redis;
 * - `status` 500, 502, 504 and the like, and `invalid_body`: what is between here and Redis failed, perhaps after Redis
 *   had done its work, so the outcome is unknown.
 * After an earlier try that broke off, the outcome is unknown whatever the second one says.
 */
export function readAnswer({ status, body, retried }: HttpAnswer): unknown {
  const outcome = retried ? 'unknown' : 'none';
  if (status === 401 || status === 403) throw new UpstreamError('redis', 'refused', { status, outcome });
  if (status >= 500 && status !== 503) throw new UpstreamError('redis', 'status', { status, outcome: 'unknown' });
  // The quota's and the proxies' own statuses, whatever their body says.
  if ((status >= 300 && status < 400) || status === 429 || status === 503) {
    throw new UpstreamError('redis', 'status', { status, outcome });
  }

  const answer = parse(body);
  if (answer !== undefined && 'error' in answer) {
    const code = errorCode(answer.error);
    const refused = code === 'WRONGPASS' || code === 'NOAUTH' || code === 'NOPERM';
    throw new UpstreamError('redis', refused ? 'refused' : 'error_reply', { status, outcome, cause: redisError(code) });
  }
  if (status >= 400) throw new UpstreamError('redis', 'status', { status, outcome });
  if (answer?.result === undefined) throw new UpstreamError('redis', 'invalid_body', { outcome: 'unknown' });
  return answer.result;
}

/** Whether `error` is what readAnswer makes of Redis's error reply of that code. */
export function isErrorReply(error: unknown, code: string): boolean {
  if (!(error instanceof UpstreamError) || error.failure !== 'error_reply') return false;
  return error.cause instanceof Error && 'code' in error.cause && error.cause.code === code;
}

function parse(body: string): z.infer<typeof Answer> | undefined {
  try {
    return Answer.safeParse(JSON.parse(body)).data;
  } catch {
    // Not JSON: the caller turns that into invalid_body, without the text, which may hold values.
    return undefined;
  }
}

/** The first word of Redis's message, or the one after ERR where a script met it; the rest may hold keys and values. */
function errorCode(message: string): string {
  const first = /^[A-Z][A-Z0-9]*\b/.exec(message)?.[0] ?? 'ERR';
  const inner = first === 'ERR' ? /\b(?:WRONGTYPE|OOM|READONLY|NOPERM)\b/.exec(message)?.[0] : undefined;
  return inner ?? first;
}

function redisError(code: string): Error {
  return Object.assign(new Error(`Redis answered ${code}`), { name: 'RedisError', code });
}
