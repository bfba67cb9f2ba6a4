import { AuthorizationError, UserAuthenticationExpiredError } from 'nats';

/** Whether the server lets us in, as far as the attempts to connect have told. */
export interface Refusal {
  /** The last attempt that came to an end was answered, and not let in; or the connection was ended for that reason. */
  current(): boolean;
  /** Whether what the server said is a refusal; it is remembered if so. */
  heard(error: unknown): boolean;
  /** Another attempt begins, and so the one before it has come to something. */
  attempts(): void;
  /** We have been let in, or an attempt has come to something else. */
  clear(): void;
}

export function createRefusal(): Refusal {
  let refused = false;
  /** Of the attempt that goes on. */
  let refusedNow = false;

  return {
    current: () => refused,
    heard(error) {
      if (!isRefusal(error)) return false;
      refused = true;
      refusedNow = true;
      return true;
    },
    attempts() {
      refused = refusedNow;
      refusedNow = false;
    },
    clear() {
      refused = false;
      refusedNow = false;
    },
  };
}

function isRefusal(error: unknown): boolean {
  // Revoked credentials are told of in words that the client has no type for (nats-core 3.4).
  const revoked = error instanceof Error && /authentication revoked/i.test(error.message);
  return revoked || error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError;
}
