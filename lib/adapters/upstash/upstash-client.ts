import { createHash } from 'node:crypto';
import type { Redis } from '@upstash/redis';
import type { RedisClient, Script } from '../../app/ports.ts';
import { UpstreamError } from '../../app/upstream-error.ts';
import { createHttpClient, type HttpClientOptions } from '../http/http-client.ts';
import { isErrorReply, readAnswer } from './upstash-answer.ts';

interface UpstashOptions {
  readonly url: URL;
  readonly token: () => string | undefined;
  readonly trace?: HttpClientOptions['trace'];
}

/** A batch of 64 decisions is under 64 KB; the largest value that we keep is 256 KB. */
const MAX_RESPONSE_BYTES = 1024 * 1024;

/** Without this flag Upstash lets one script at a time into the whole database; open-source Redis refuses it. */
const SHEBANG = '#!lua flags=allow-key-locking\n';

export interface UpstashClient extends RedisClient {
  /**
   * Begins to load the SDK (80 KB, some 12 ms of CPU), which else happens at the first command: a cold start has the
   * time for it while it waits for the first answers of others. Never throws.
   */
  preload(): void;
}

/**
 * Upstash Redis over its REST API: the SDK's commands on our own transport. The SDK's transport is fetch (35 ms of cold
 * start), hides up to five retries, and puts whole commands, values included, into its errors' messages.
 *
 * One HTTP call for each command, and one more where the idle connection that it went out on was dead.
 */
export function createUpstashClient({ url, token, trace }: UpstashOptions): UpstashClient {
  const http = createHttpClient({
    upstream: 'redis',
    baseUrl: url,
    headers: () => ({ authorization: `Bearer ${token() ?? ''}`, 'content-type': 'application/json' }),
    maxResponseBytes: MAX_RESPONSE_BYTES,
    retryOnStaleSocket: true,
    ...(trace && { trace }),
  });
  const prepared = new Map<string, Script>();

  /** The SDK's commands for one call: it has no place for a signal but in the transport. */
  async function commands(signal: AbortSignal): Promise<Redis> {
    const { Redis: Commands } = await loadSdk();
    return new Commands({
      async request<T>({ body }: { body?: unknown }) {
        const answer = await http.request({ method: 'POST', path: '/', body: JSON.stringify(body), signal });
        return { result: verbatim(readAnswer(answer)) as T };
      },
    });
  }

  async function runScript(script: Script, keys: readonly string[], args: readonly string[], signal: AbortSignal) {
    const { source, sha1 } = prepare(script);
    const redis = await commands(signal);
    return text(await evaluate());

    async function evaluate(): Promise<unknown> {
      try {
        return await redis.evalsha(sha1, [...keys], [...args]);
      } catch (error) {
        if (!isErrorReply(error, 'NOSCRIPT')) throw error;
        return await redis.eval(source, [...keys], [...args]);
      }
    }
  }

  async function get(key: string, signal: AbortSignal): Promise<string | undefined> {
    const value: unknown = await (await commands(signal)).get(key);
    return value === null ? undefined : text(value);
  }

  async function set(key: string, value: string, ttlS: number, signal: AbortSignal): Promise<void> {
    await (await commands(signal)).set(key, value, { ex: ttlS });
  }

  /** The script as Upstash is to get it, with the SHA-1 of that. */
  function prepare(script: Script): Script {
    const known = prepared.get(script.sha1);
    if (known) return known;
    const source = SHEBANG + script.source;
    const made = { source, sha1: createHash('sha1').update(source).digest('hex') };
    prepared.set(script.sha1, made);
    return made;
  }

  // A failure to load comes back with the command that needs it.
  return { runScript, get, set, preload: () => void loadSdk().catch(() => undefined) };
}

let sdk: Promise<typeof import('./upstash-sdk.ts')> | undefined;

function loadSdk() {
  sdk ??= import('./upstash-sdk.ts');
  return sdk;
}

/**
 * The SDK takes every string that is JSON for JSON: `"10.0.0.3"` would lose its quotes and 123456789012 become a number,
 * and with a transport of one's own that cannot be switched off. Quoted once more, a string survives it to the letter.
 */
function verbatim(result: unknown): unknown {
  return typeof result === 'string' ? JSON.stringify(result) : result;
}

function text(result: unknown): string {
  if (typeof result !== 'string') throw new UpstreamError('redis', 'invalid_body', { outcome: 'unknown' });
  return result;
}
