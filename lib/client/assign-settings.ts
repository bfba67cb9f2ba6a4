/** `settings` of a request to assign or to explain; see "The contract" in the README for each. */
export interface AssignSettings {
  /** What the game mostly needs: `low`, also when absent, weighs CPU; `high` weighs RAM. */
  readonly resource_level?: 'low' | 'high' | undefined;
  /** What the game is expected to use, where that is known: above 0, at most 1000 cores; 1 to 1e13 bytes. */
  readonly cpu_cores?: number | undefined;
  readonly memory_bytes?: number | undefined;
  /** `true`: it will not be more than that. */
  readonly exact?: boolean | undefined;
  /** What the server must be: `{ region: 'eu' }` by its Meta or its tag `region=eu`; `{ gpu: true }` by its tag. */
  readonly require?: Readonly<Record<string, string | true>> | undefined;
  /** The same for what it had better be. */
  readonly prefer?: Readonly<Record<string, string | true>> | undefined;
  /** Where the allocator's configuration allows it. */
  readonly strategy?: 'spread' | 'pack' | undefined;
  /** Over NATS: how long to wait where every server is full, ms, up to 10,000. Needs a `timeoutMs` to match. */
  readonly wait_ms?: number | undefined;
}
