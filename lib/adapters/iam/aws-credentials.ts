export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export type CredentialSource = () => Promise<AwsCredentials>;

/** Where no credentials can be had, the chain is not asked again for so long: it may try for seconds each time. */
const PAUSE_AFTER_FAILURE_MS = 2000;

/**
 * AWS's standard chain: environment, shared files, web identity, the container's or the machine's role. It keeps what it
 * has found and gets new ones five minutes before they expire. Loaded when it is first asked.
 */
export function standardCredentials(): CredentialSource {
  let chain: Promise<CredentialSource> | undefined;
  return async () => {
    chain ??= import('@aws-sdk/credential-provider-node').then(({ defaultProvider }) => {
      // The files are read anew each time that they are needed: they may be rotated too.
      const provider = defaultProvider({ ignoreCache: true });
      return () => provider();
    });
    return (await chain)();
  };
}

/** One search for all who ask at the same time, and after one that failed its error for a while. */
export function pausedAfterFailure(source: CredentialSource, clock: () => number): CredentialSource {
  let searching: Promise<AwsCredentials> | undefined;
  let failure: { readonly error: unknown; readonly atMs: number } | undefined;

  async function search(): Promise<AwsCredentials> {
    try {
      return await source();
    } catch (error) {
      failure = { error, atMs: clock() };
      throw error;
    } finally {
      searching = undefined;
    }
  }

  return () => {
    if (failure !== undefined && clock() - failure.atMs < PAUSE_AFTER_FAILURE_MS) return Promise.reject(failure.error);
    searching ??= search();
    return searching;
  };
}
