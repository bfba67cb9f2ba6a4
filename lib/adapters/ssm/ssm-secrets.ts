import * as z from 'zod/mini';
import type { SecretStore } from '../../app/ports.ts';
import { UpstreamError } from '../../app/upstream-error.ts';

interface SsmOptions {
  /** The names begin with it, as in /game-allocator/prod. */
  readonly path: string;
  /** For tests; else the SDK finds it by region, or in AWS_ENDPOINT_URL_SSM. */
  readonly endpoint?: URL;
}

const Page = z.object({
  Parameters: z.array(z.object({ Name: z.string(), Value: z.string() })),
  NextToken: z.optional(z.string()),
});

/** The most that SSM gives in one page; we have fewer secrets than that, so it is one call. */
const PAGE = 10;
/** More pages than this are not ours: stops a loop over a wrong path such as `/`. */
const MAX_PAGES = 10;

/**
 * Secrets from SSM Parameter Store, decrypted. Names that are not there are left out of the answer.
 * The AWS SDK takes 45 ms to load, so that happens at the first read, in a chunk of its own.
 */
export function createSsmSecrets({ path, endpoint }: SsmOptions): SecretStore {
  const prefix = `/${path.replace(/^\/+|\/+$/g, '')}`;

  async function read(names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const { SSMClient, GetParametersByPathCommand } = await import('@aws-sdk/client-ssm');
    const client = new SSMClient({
      // The last good values are kept, so a later refresh is the retry.
      maxAttempts: 1,
      ...(endpoint === undefined ? {} : { endpoint: endpoint.href }),
    });
    const found = new Map<string, string>();
    try {
      let token: string | undefined;
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const command = new GetParametersByPathCommand({
          Path: prefix,
          WithDecryption: true,
          MaxResults: PAGE,
          NextToken: token,
        });
        const answer = await unlessAborted(client.send(command, { abortSignal: signal }), signal);
        const { data, success, error } = Page.safeParse(answer);
        if (!success) throw new UpstreamError('ssm', 'invalid_body', { cause: error });
        for (const { Name, Value } of data.Parameters) {
          const name = Name.slice(Name.lastIndexOf('/') + 1);
          if (names.includes(name)) found.set(name, Value);
        }
        token = data.NextToken;
        if (token === undefined || names.every((name) => found.has(name))) break;
      }
      return found;
    } catch (error) {
      throw error instanceof UpstreamError ? error : readError(error, signal);
    } finally {
      client.destroy();
    }
  }

  return { read };
}

/** The SDK looks for credentials before it looks at the signal, and that may take seconds. */
function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function readError(error: unknown, signal: AbortSignal): UpstreamError {
  // Reading changes nothing, so no outcome is in doubt.
  const options = { outcome: 'none', cause: error } as const;
  if (signal.aborted) return new UpstreamError('ssm', 'timeout', options);
  const name = error instanceof Error ? error.name : '';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const status = statusOf(error);
  if (
    /^(AccessDenied|UnrecognizedClient|InvalidSignature|ExpiredToken|InvalidClientTokenId|CredentialsProvider)/.test(
      name,
    )
  ) {
    return new UpstreamError('ssm', 'refused', options);
  }
  if (/^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(code))
    return new UpstreamError('ssm', 'connect', options);
  if (/^(ECONNRESET|EPIPE)$/.test(code)) return new UpstreamError('ssm', 'reset', options);
  if (status === 401 || status === 403) return new UpstreamError('ssm', 'refused', { ...options, status });
  if (status !== undefined && status >= 500) return new UpstreamError('ssm', 'status', { ...options, status });
  if (status !== undefined && status >= 400) return new UpstreamError('ssm', 'error_reply', { ...options, status });
  // Without a status nothing came back: no region, no credentials, no route.
  return new UpstreamError('ssm', status === undefined ? 'connect' : 'invalid_body', options);
}

function statusOf(error: unknown): number | undefined {
  const metadata = error instanceof Error && '$metadata' in error ? error.$metadata : undefined;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
