import { rename, writeFile } from 'node:fs/promises';
import type { RunningServer } from '../servers/running-server.ts';

/** Makes `file` Prometheus's list of the relays that it is told of. Returns the relay, so that it can stand in a chain. */
export function createRelayTargets(file: string): (relay: RunningServer) => Promise<RunningServer> {
  const targets: string[] = [];
  let written = Promise.resolve();

  /** By rename, so that half a list is never read; one after another, so that the last one stays. */
  async function write(): Promise<void> {
    await writeFile(`${file}.new`, JSON.stringify([{ targets }]));
    await rename(`${file}.new`, file);
  }

  return async (relay) => {
    targets.push(new URL(relay.url).host);
    written = written.then(write);
    await written;
    return relay;
  };
}
