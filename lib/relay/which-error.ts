import { UpstreamError } from '../app/upstream-error.ts';

/** Of what two calls for the same items failed with: one that says that they may have been carried out, else the later. */
export function tellingError(earlier: unknown, later: unknown): unknown {
  return earlier instanceof UpstreamError && earlier.outcome === 'unknown' ? earlier : later;
}
