import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findServer } from '../find-server.mjs';
import type { RunningServer } from './running-server.ts';
import { startServer } from './start-server.ts';

export interface ConsulOptions {
  readonly args?: readonly string[];
  /** Further configuration, merged over ours. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/**
 * Starts a one-server Consul; `url` is http://127.0.0.1:<port>. Not `-dev`, which forgets every registration when it
 * is killed: a real Consul comes back with them, and so does this one.
 */
export function startConsul(options: ConsulOptions = {}): Promise<RunningServer> {
  return startServer({
    name: 'consul',
    ...findServer('consul'),
    ports: 4,
    async prepare(folder, ports) {
      const file = join(folder, 'consul.json');
      const data = join(folder, 'data');
      await mkdir(data, { recursive: true });
      await writeFile(file, JSON.stringify({ ...configuration(data, ports), ...options.config }));
      return ['agent', '-config-file', file, ...(options.args ?? [])];
    },
    url: (port) => `http://127.0.0.1:${port}`,
    async answers(port, signal) {
      const leader = await fetch(`http://127.0.0.1:${port}/v1/status/leader`, { signal });
      if (!leader.ok || (await leader.json()) === '') return false;
      // A leader may be elected before its own node is in the catalogue; services cannot register then.
      const health = await fetch(`http://127.0.0.1:${port}/v1/health/service/consul?passing`, { signal });
      const entries: unknown = health.ok ? await health.json() : [];
      return Array.isArray(entries) && entries.length > 0;
    },
  });
}

function configuration(data: string, [http, serfLan, serfWan, rpc]: readonly number[]) {
  return {
    server: true,
    bootstrap: true,
    node_name: `local-${http}`,
    data_dir: data,
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    ports: { http, serf_lan: serfLan, serf_wan: serfWan, server: rpc, dns: -1, grpc: -1, https: -1 },
    performance: { raft_multiplier: 1 },
    // The default (200 per client address) would turn away a fleet of 300 that all come from one machine.
    limits: { http_max_conns_per_client: 2000 },
    disable_update_check: true,
    log_level: 'WARN',
    leave_on_terminate: false,
    skip_leave_on_interrupt: true,
  };
}
