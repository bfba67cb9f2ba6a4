import type { Discovery, Log } from '../../app/ports.ts';
import { UpstreamError } from '../../app/upstream-error.ts';
import type { FleetList } from '../../domain/fleet.ts';
import { createHttpClient, type HttpAnswer, type HttpClientOptions } from '../http/http-client.ts';
import { jsonAnswer } from '../http/json-answer.ts';
import { type FleetListOptions, readFleetList } from './fleet-list.ts';

export interface ConsulOptions extends FleetListOptions {
  readonly baseUrl: URL;
  readonly token: () => string | undefined;
  /** The service to look up. */
  readonly serviceName: string;
  /** A list that is older than this, ms, as the server itself says, is of no use. */
  readonly maxAgeMs: number;
  readonly trace?: HttpClientOptions['trace'];
  readonly log: Log;
}

/** 3,000 instances are 6 MB. */
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;

/** The fleet as Consul's health endpoint lists it, sick instances included. */
export function createConsulDiscovery(options: ConsulOptions): Discovery {
  const http = createHttpClient({
    upstream: 'consul',
    baseUrl: options.baseUrl,
    // In a header and not in the address: addresses end up in access logs.
    headers: () => tokenHeader(options.token()),
    maxResponseBytes: MAX_RESPONSE_BYTES,
    ...(options.trace && { trace: options.trace }),
  });
  // Any server may answer: usually 50 ms behind the leader, and it goes on while there is none.
  const path = `/v1/health/service/${encodeURIComponent(options.serviceName)}?stale=true`;
  let leftOut = '';
  let last: { readonly version: string; readonly fleet: FleetList } | undefined;

  async function list(signal: AbortSignal): Promise<FleetList> {
    const answer = await http.request({ method: 'GET', path, signal });
    refuseOutdated(answer, options.maxAgeMs);
    const version = versionOf(answer);
    // 3,000 instances take 20 to 40 ms to parse, during which this process does nothing else.
    if (last !== undefined && version === last.version) return last.fleet;
    const fleet = await readAnswer(answer, options, signal);
    last = version === undefined ? undefined : { version, fleet };

    const nowLeftOut = `${fleet.unusable} ${fleet.duplicates}`;
    if (nowLeftOut !== leftOut && nowLeftOut !== '0 0') {
      options.log.warning('consul_entries_odd', { unusable: fleet.unusable, duplicates: fleet.duplicates });
    }
    leftOut = nowLeftOut;
    return fleet;
  }

  return { list };
}

/** A server that is cut off from its leader goes on answering with what it heard last, however long ago that was. */
function refuseOutdated({ status, headers }: HttpAnswer, maxAgeMs: number): void {
  const lastContactMs = headers['x-consul-lastcontact'];
  if (status !== 200 || typeof lastContactMs !== 'string' || !(Number(lastContactMs) > maxAgeMs)) return;
  throw new UpstreamError('consul', 'error_reply', {
    cause: new Error('A list from a server that has not heard of its leader for too long'),
  });
}

/**
 * What an unchanged list has in common with the one before: Consul moves X-Consul-Index with every change, and begins
 * anew when its data are lost, when the number of bytes hardly is the same too. Undefined where it cannot be told.
 */
function versionOf({ status, headers, bytes }: HttpAnswer): string | undefined {
  const index = headers['x-consul-index'];
  const plain = status === 200 && headers['x-consul-results-filtered-by-acls'] === undefined;
  return plain && typeof index === 'string' && /^[1-9]\d*$/.test(index) ? `${index} ${bytes}` : undefined;
}

async function readAnswer(answer: HttpAnswer, options: FleetListOptions, signal: AbortSignal): Promise<FleetList> {
  const elements = jsonAnswer('consul', answer);
  // 200 and a shorter list, usually an empty one, is what a token without rights gets.
  if (answer.headers['x-consul-results-filtered-by-acls'] === 'true') throw new UpstreamError('consul', 'refused');
  const fleet = Array.isArray(elements) ? await readFleetList(elements, options, signal) : undefined;
  if (fleet === undefined) throw new UpstreamError('consul', 'invalid_body');
  if (fleet.instances.length === 0 && answer.headers['x-consul-knownleader'] === 'false') {
    throw new UpstreamError('consul', 'error_reply', {
      cause: new Error('An empty list from a server without a leader'),
    });
  }
  return fleet;
}

function tokenHeader(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { 'x-consul-token': token };
}
