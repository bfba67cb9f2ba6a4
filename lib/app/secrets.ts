import { createCachedSource } from './cached-source.ts';
import type { Clock, Log, SecretStore } from './ports.ts';
import { UpstreamError } from './upstream-error.ts';

const REFRESH_EVERY_MS = 300_000;
/** A first read loads the SSM client as well; it begins while the environment starts. */
const READ_TIMEOUT_MS = 3000;
/** Refused credentials are read anew at most this often: the store must not pay for what stays refused. */
const REFUSAL_EVERY_MS = 30_000;
/**
 * No two reads begin within this time. A read that nobody waits for any more is cut off, and the next caller begins
 * another: callers without a token that say that they wait for a moment only would have the store asked for each.
 */
const READ_EVERY_MS = 1000;

export interface SecretsOptions<Name extends string> {
  /** Values that need no store. */
  readonly given: Readonly<Partial<Record<Name, string>>>;
  /** Where the other names are read; absent: there are no others. */
  readonly store: SecretStore | undefined;
  readonly names: readonly Name[];
  /** Those of them without which nothing works. */
  readonly required: readonly Name[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

export interface Secrets<Name extends string> {
  get(name: Name): string | undefined;
  /**
   * Makes the values as recent as they should be; waits at most `waitMs`, and only when there are none yet or one was
   * refused.
   * Gives whether there are any, and what to call after the work; see Reading.release. Never throws.
   */
  open(waitMs: number): Promise<{ readonly ready: boolean; release(waitMs: number): Promise<void> }>;
  /** Somebody refused a secret of ours: it may have been replaced, so the next `open` reads anew. */
  refused(): void;
}

/** Secrets in memory: given ones as they are, stored ones read once, every 5 minutes and after a refusal. */
export function createSecrets<Name extends string>(options: SecretsOptions<Name>): Secrets<Name> {
  const { given, store, clock, log } = options;
  const missing = options.names.filter((name) => given[name] === undefined);
  let stored: ReadonlyMap<string, string> = new Map();
  let refusedAtMs = Number.NEGATIVE_INFINITY;
  let readAtMs = Number.NEGATIVE_INFINITY;
  let reading = false;

  const source =
    store &&
    createCachedSource<ReadonlyMap<string, string>>({
      ...options,
      name: 'ssm',
      ask: async (signal) => {
        readAtMs = clock();
        reading = true;
        try {
          stored = await readAll(store, signal);
          return stored;
        } finally {
          reading = false;
        }
      },
      freshMs: REFRESH_EVERY_MS,
      // Finite, so that values which were refused are waited for; they are kept all the same.
      besideMs: Number.MAX_VALUE,
      staleMs: Number.POSITIVE_INFINITY,
      timeoutMs: READ_TIMEOUT_MS,
    });

  /** Also where a read is under way, which a caller joins, and where our clock was set back. */
  function mayRead(): boolean {
    const sinceMs = clock() - readAtMs;
    return reading || sinceMs >= READ_EVERY_MS || sinceMs < 0;
  }

  async function readAll(store: SecretStore, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const wanted = missing.map(parameterName);
    const values = await store.read(wanted, signal).catch((error: unknown) => {
      log.error('secrets_unreadable', { parameters: wanted.join(' ') }, error);
      throw error;
    });
    const absent = options.required.filter(
      (name) => given[name] === undefined && !values.get(parameterName(name))?.trim(),
    );
    if (absent.length === 0) return values;
    log.error('secrets_missing', { parameters: absent.map(parameterName).join(' ') });
    throw new UpstreamError('ssm', 'error_reply');
  }

  return {
    get: (name) => given[name] ?? (stored.get(parameterName(name))?.trim() || undefined),
    async open(waitMs) {
      if (source === undefined) return { ready: true, release: () => Promise.resolve() };
      // Without time to wait it gives what it has, and begins nothing.
      const { value, release } = await source.read(mayRead() ? waitMs : 0);
      return { ready: value !== undefined, release };
    },
    refused() {
      if (clock() - refusedAtMs < REFUSAL_EVERY_MS) return;
      refusedAtMs = clock();
      readAtMs = Number.NEGATIVE_INFINITY;
      source?.expire();
    },
  };
}

/** UPSTASH_REDIS_REST_TOKEN is kept as `upstash-redis-rest-token` under the configured path. */
export function parameterName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}
