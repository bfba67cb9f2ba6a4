/** One server of the local stack, as a test or the stack handles it. */
export interface RunningServer {
  readonly name: string;
  /** How a client reaches it, e.g. nats://127.0.0.1:24222 or http://127.0.0.1:28500. */
  readonly url: string;
  /** Loopback port; the same after a restart. */
  readonly port: number;
  /** The current process; changes with a restart. */
  readonly pid: number;
  /** stdout and stderr of all its runs. */
  readonly logFile: string;
  /** For faults: SIGKILL, SIGSTOP, SIGCONT. Does nothing when the process is already gone. */
  signal(name: NodeJS.Signals): void;
  /** Ends it (SIGTERM, then SIGKILL after 3 s) and removes its data. May be called again. */
  stop(): Promise<void>;
  /** Ends it if it still runs, then starts it on the same port and data, and waits until it answers. */
  restart(): Promise<void>;
}
