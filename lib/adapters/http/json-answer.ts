import { type Upstream, UpstreamError } from '../../app/upstream-error.ts';
import type { HttpAnswer } from './http-client.ts';

/**
 * The JSON value of a successful answer. Throws UpstreamError: `refused` for 401 and 403, `status` for any other status
 * that is not 2xx (redirects too), `invalid_body` for what is not JSON.
 */
export function jsonAnswer(upstream: Upstream, answer: HttpAnswer): unknown {
  const { status } = answer;
  if (status === 401 || status === 403) throw new UpstreamError(upstream, 'refused', { status });
  if (status < 200 || status > 299) throw new UpstreamError(upstream, 'status', { status });
  try {
    return JSON.parse(answer.body);
  } catch (cause) {
    throw new UpstreamError(upstream, 'invalid_body', { cause });
  }
}
