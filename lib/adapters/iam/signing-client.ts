import { createHash, createHmac } from 'node:crypto';
import type { SignatureV4 } from '@smithy/signature-v4';
import type { Log } from '../../app/ports.ts';
import { type Upstream, UpstreamError } from '../../app/upstream-error.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/http-client.ts';
import { type AwsCredentials, type CredentialSource, pausedAfterFailure } from './aws-credentials.ts';
import { createSigningClock } from './signing-clock.ts';

export interface SigningOptions {
  readonly upstream: Upstream;
  /** Of the function URL's origin, with no path before its own. */
  readonly http: Pick<HttpClient, 'request'>;
  /** Where `http` sends to: the host is signed. */
  readonly url: URL;
  readonly region: string;
  readonly credentials: CredentialSource;
  /** This machine's time, ms since 1970. */
  readonly clock: () => number;
  readonly log: Log;
}

/** How long a request waits for credentials, ms: its caller is better told so than that its time is up. */
const CREDENTIALS_LIMIT_MS = 250;

/**
 * Signs each request for AWS Lambda's function URLs with IAM: method, path, query, host, the headers given, and the body.
 * An answer with 403 because of this machine's time sets right what the next request is signed with.
 */
export function createSigningClient(options: SigningOptions): Pick<HttpClient, 'request'> {
  const { upstream, http, url, log } = options;
  const time = createSigningClock(options.clock);
  const credentials = pausedAfterFailure(options.credentials, options.clock);
  let loading: Promise<SignatureV4> | undefined;
  prepare().catch(() => undefined); // the first request would wait for it, and says so itself if it fails

  async function prepare(): Promise<{ readonly signer: SignatureV4; readonly identity: AwsCredentials }> {
    loading ??= loadSigner(options.region, credentials);
    const [signer, identity] = await Promise.all([loading, credentials()]);
    return { signer, identity };
  }

  async function sign({ method, path, body, headers }: HttpRequest): Promise<Readonly<Record<string, string>>> {
    const { signer } = await prepare();
    const { pathname, searchParams } = new URL(path, url);
    const query: Record<string, string[]> = {};
    for (const name of searchParams.keys()) query[name] = searchParams.getAll(name);
    const unsigned = {
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: pathname,
      query,
      headers: { ...headers, host: url.host },
      ...(body === undefined ? {} : { body }),
    };
    return (await signer.sign(unsigned, { signingDate: new Date(time.nowMs()) })).headers;
  }

  async function request(wanted: HttpRequest): Promise<HttpAnswer> {
    const headers = await within(CREDENTIALS_LIMIT_MS, sign(wanted), wanted.signal).catch((cause: unknown) => {
      if (wanted.signal.aborted) throw new UpstreamError(upstream, 'timeout', { outcome: 'none', cause });
      throw new UpstreamError(upstream, 'refused', { cause });
    });
    const answer = await http.request({ ...wanted, headers });
    if (answer.status === 403) {
      const byMs = time.correct(answer.headers.date);
      if (byMs !== undefined) log.error('clock_far_from_aws', { by_s: Math.round(byMs / 1000) });
    }
    return answer;
  }

  return { request };
}

async function loadSigner(region: string, credentials: CredentialSource): Promise<SignatureV4> {
  const { SignatureV4 } = await import('@smithy/signature-v4');
  return new SignatureV4({ service: 'lambda', region, credentials, sha256: Sha256, applyChecksum: true });
}

/** As the signer wants it: SHA-256, or with a secret its HMAC. */
class Sha256 {
  readonly #hash: { update(data: Uint8Array): unknown; digest(): Buffer };

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error('A hash is used once');
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** Rejects when it takes longer, or when `signal` fires; the work itself goes on, for whoever asks next. */
function within<T>(ms: number, work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Error('Not in time'));
    const timer = setTimeout(stop, ms);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    });
  });
}
