import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findServer } from '../find-server.mjs';
import { askTcp } from './ask-tcp.ts';
import type { RunningServer } from './running-server.ts';
import { startServer } from './start-server.ts';

export interface NatsOptions {
  readonly args?: readonly string[];
  /** Further text of its configuration file, e.g. `authorization { ... }`. */
  readonly config?: string;
  /** A configuration file of its own, instead of ours; its address and port are overridden. */
  readonly configFile?: string;
  /** What `$NAME` stands for in a configuration. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts nats-server; `url` is nats://127.0.0.1:<port>. */
export function startNats(options: NatsOptions = {}): Promise<RunningServer> {
  const { command, env } = findServer('nats-server');
  return startServer({
    name: 'nats',
    command,
    env: { ...env, ...options.env },
    ports: 1,
    async prepare(folder, [port]) {
      const args = options.args ?? [];
      if (options.configFile !== undefined)
        return ['-c', options.configFile, '-a', '127.0.0.1', '-p', `${port}`, ...args];
      const file = join(folder, 'nats.conf');
      await writeFile(file, `host: 127.0.0.1\nport: ${port}\n${options.config ?? ''}\n`);
      return ['-c', file, ...args];
    },
    url: (port) => `nats://127.0.0.1:${port}`,
    answers: async (port, signal) => (await askTcp(port, '', signal)).startsWith('INFO '),
  });
}
