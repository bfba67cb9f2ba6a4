/** The outside systems that a request may need. */
export type Upstream = 'consul' | 'prometheus' | 'redis' | 'ssm' | 'allocator';

/**
 * What went wrong, as far as it changes what happens next:
 * - `timeout`: no complete answer in time (the caller's signal or the call's own limit)
 * - `connect`: nothing was sent (refused, unknown host, no route, TLS refused)
 * - `reset`: the connection broke after the request had begun
 * - `status`: an HTTP status that is not a success
 * - `refused`: our credentials were refused (HTTP 401 or 403, NOAUTH, WRONGPASS, a list filtered by ACL)
 * - `invalid_body`: an answer of another shape, or larger than allowed
 * - `error_reply`: a well-formed answer that says that it failed
 */
export type UpstreamFailure = 'timeout' | 'connect' | 'reset' | 'status' | 'refused' | 'invalid_body' | 'error_reply';

/**
 * The one error that adapters throw. Its message is fixed text made of `upstream` and `failure`, safe to log;
 * what the other system said is in `cause`, which is never sent to a caller.
 */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly upstream: Upstream;
  readonly failure: UpstreamFailure;
  /** The HTTP status, where there was one. */
  readonly status: number | undefined;
  /** `unknown` when the other side may have carried out what was asked; `none` when it surely has not. */
  readonly outcome: 'none' | 'unknown';

  constructor(
    upstream: Upstream,
    failure: UpstreamFailure,
    options: { status?: number; outcome?: 'none' | 'unknown'; cause?: unknown } = {},
  ) {
    const status = options.status === undefined ? '' : ` ${options.status}`;
    super(`${upstream}: ${failure}${status}`, { cause: options.cause });
    this.upstream = upstream;
    this.failure = failure;
    this.status = options.status;
    this.outcome = options.outcome ?? (failure === 'timeout' || failure === 'reset' ? 'unknown' : 'none');
  }
}
