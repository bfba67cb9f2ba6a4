import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RunningServer } from '../../dev/servers/running-server.ts';

/** Changes the configuration of a nats-server while it runs. */
export async function reconfigure(server: RunningServer, config: string): Promise<void> {
  await writeFile(join(dirname(server.logFile), 'nats.conf'), `host: 127.0.0.1\nport: ${server.port}\n${config}\n`);
  server.signal('SIGHUP');
}
