import { RETRY_AFTER_S } from './outcomes.ts';
import { readTraceparent } from './request-headers.ts';

/** What an HTTP answer of JSON is sent with; `traceparent`: the header of its request. */
export function answerHeaders(status: number, traceparent: string | undefined): Record<string, string> {
  const trace = readTraceparent(traceparent);
  return {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    ...(trace !== undefined && { traceparent: trace }),
    ...(status === 429 && { 'retry-after': String(RETRY_AFTER_S) }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  };
}
