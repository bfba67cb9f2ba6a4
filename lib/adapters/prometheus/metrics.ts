import type { Log, Metrics } from '../../app/ports.ts';
import { UpstreamError } from '../../app/upstream-error.ts';
import type { LoadReport } from '../../domain/fleet.ts';
import { createHttpClient, type HttpClientOptions } from '../http/http-client.ts';
import { jsonAnswer } from '../http/json-answer.ts';
import { readSamples } from './samples.ts';
import { QueryAnswer } from './schema.ts';

interface PrometheusOptions {
  readonly baseUrl: URL;
  readonly token: () => string | undefined;
  /** PromQL for the whole fleet, from fleetQuery. */
  readonly query: string;
  /** The label that names the instance. */
  readonly label: string;
  readonly trace?: HttpClientOptions['trace'];
  readonly log: Log;
}

/** 3,000 instances are 1 MB. */
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;

/** The fleet's load, as one instant query answers it. */
export function createPrometheusMetrics({ baseUrl, token, query, label, trace, log }: PrometheusOptions): Metrics {
  const http = createHttpClient({
    upstream: 'prometheus',
    baseUrl,
    headers: () => authorization(token()),
    maxResponseBytes: MAX_RESPONSE_BYTES,
    ...(trace && { trace }),
  });
  // POST: as an address the query is over 1 KB, and addresses are limited and logged on the way.
  const body = new URLSearchParams({ query }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  let warned = false;

  async function load(signal: AbortSignal): Promise<LoadReport> {
    const answer = await http.request({ method: 'POST', path: '/api/v1/query', body, headers, signal });
    const { data, success, error } = QueryAnswer.safeParse(jsonAnswer('prometheus', answer));
    if (!success) throw new UpstreamError('prometheus', 'invalid_body', { cause: error });
    if (data.status === 'error')
      throw new UpstreamError('prometheus', 'error_reply', { cause: queryError(data.errorType) });

    // A part of the data may be missing; what is there is still the best that is known.
    const warnings = data.warnings?.length ?? 0;
    if (warnings > 0 && !warned) log.warning('prometheus_warnings', { count: warnings });
    warned = warnings > 0;
    return { samples: await readSamples(data.data.result, label, signal) };
  }

  return { load };
}

/** Prometheus's own words for what went wrong. */
const ERROR_TYPES = [
  'bad_data',
  'timeout',
  'canceled',
  'execution',
  'internal',
  'unavailable',
  'not_found',
  'not_acceptable',
];

/** With the word as its code, which is logged: any other text stays where it came from. */
function queryError(errorType: string | undefined): Error {
  const code = ERROR_TYPES.find((known) => known === errorType);
  return Object.assign(new Error('The query failed'), { code });
}

function authorization(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
