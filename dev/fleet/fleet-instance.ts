import { createServer, type Server } from 'node:http';
import type { FleetInstance, Load } from './fleet-types.ts';
import { createInstanceLoad, type InstanceLoad } from './instance-load.ts';
import { metricsPage } from './metrics-page.ts';

/** A simulated game server: capacity, use, and the two pages that Consul and Prometheus read. */
export interface SimulatedInstance extends Omit<FleetInstance, 'games' | 'port'> {
  readonly use: InstanceLoad;
  readonly server: Server;
  health: 'passing' | 'critical';
  hasMetrics: boolean;
  draining: boolean;
}

export interface InstanceOptions {
  /** One of three sizes, by its index. */
  readonly mixed?: boolean | undefined;
  readonly maxGames?: number | undefined;
}

const GIB = 2 ** 30;
const EQUAL: Load = { cpuCores: 4, memoryBytes: 8 * GIB };
const MIXED: readonly Load[] = [
  { cpuCores: 2, memoryBytes: 4 * GIB },
  { cpuCores: 4, memoryBytes: 8 * GIB },
  { cpuCores: 8, memoryBytes: 16 * GIB },
];
const PER_BLOCK = 250;

/** @param index from 0; the addresses run 127.10.0.1 to 127.10.0.250, then 127.10.1.1 and on */
export function createInstance(index: number, { mixed = false, maxGames }: InstanceOptions = {}): SimulatedInstance {
  const capacity = (mixed ? MIXED[index % MIXED.length] : undefined) ?? EQUAL;
  const id = `game-service-${index + 1}`;
  const use = createInstanceLoad(capacity.cpuCores, performance.now());
  const instance: SimulatedInstance = {
    id,
    address: `127.10.${Math.floor(index / PER_BLOCK)}.${(index % PER_BLOCK) + 1}`,
    ...capacity,
    ...(maxGames !== undefined && { maxGames }),
    use,
    health: 'passing',
    hasMetrics: true,
    draining: false,
    server: createServer((request, response) => {
      if (request.url === '/health') {
        response.writeHead(instance.health === 'passing' ? 200 : 503).end(`${instance.health}\n`);
      } else if (request.url === '/metrics' && instance.hasMetrics) {
        const now = performance.now();
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
        response.end(metricsPage(id, use.cpuSecondsAt(now), use.at(now).memoryBytes));
      } else {
        response.writeHead(404).end();
      }
    }),
  };
  // Node's 5 s would close the connection just as Prometheus scrapes over it again, every 5 s.
  instance.server.keepAliveTimeout = 120_000;
  return instance;
}
