/** A fleet that is in Consul's catalogue and in the exporter's page, and nowhere else: nothing checks its health. */
export interface BenchFleet {
  readonly instances: number;
  /** Consul's service name, and the compose service that its metrics are labelled with. */
  readonly service: string;
}

export const FLEET_SIZES = [3, 30, 300, 3000] as const;

export function fleetOf(instances: number): BenchFleet {
  return { instances, service: `game-service-n${instances}` };
}

export const PORT = 5002;
const CPU_CORES = 4;
const MEMORY_BYTES = 8 * 2 ** 30;
const TAGS = ['game-service', 'udp', 'eu-central-1', 'production'];
/** As long as makes 3,000 entries the 6 MB that they have in a real Consul. */
const CHECK_OUTPUT = JSON.stringify({
  status: 'passing',
  games: 12,
  players: 96,
  uptime_seconds: 86_400,
  checks: ['database', 'matchmaking', 'voice', 'storage'].map((name) => ({ name, status: 'passing', latency_ms: 3 })),
});
const CALL_LIMIT_MS = 20_000;
/** Consul writes each to disk, several at once in one write. */
const AT_ONCE = 32;

/** Addresses of a fleet of its own network, 10.<size's digits>.x.y. */
export function addressesOf({ instances }: BenchFleet): string[] {
  const network = 100 + String(instances).length;
  return Array.from({ length: instances }, (_, index) => `10.${network}.${index >> 8}.${index & 255}`);
}

/**
 * Registers the fleet in the catalogue. Each instance is on a node of its own and has two checks, as an entry of an
 * agent has, so that Consul's answer is as long as a real one; no agent runs them.
 */
export async function registerFleet(consulUrl: string, fleet: BenchFleet): Promise<void> {
  const waiting = addressesOf(fleet);
  async function worker(): Promise<void> {
    for (let address = waiting.shift(); address !== undefined; address = waiting.shift()) {
      const response = await fetch(new URL('/v1/catalog/register', consulUrl), {
        method: 'PUT',
        body: JSON.stringify(catalogEntry(fleet, address)),
        signal: AbortSignal.timeout(CALL_LIMIT_MS),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`Consul answered ${response.status}: ${text.slice(0, 200)}`);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function catalogEntry({ service }: BenchFleet, address: string) {
  const id = `${service}-${address}`;
  const node = `node-${address}`;
  return {
    ID: crypto.randomUUID(),
    Node: node,
    Address: address,
    NodeMeta: { 'consul-network-segment': '', availability_zone: 'eu-central-1a', instance_type: 'c7g.xlarge' },
    TaggedAddresses: { lan: address, lan_ipv4: address, wan: address, wan_ipv4: address },
    Service: {
      ID: id,
      Service: service,
      Address: address,
      Port: PORT,
      Tags: TAGS,
      Meta: {
        cpu_cores: String(CPU_CORES),
        memory_bytes: String(MEMORY_BYTES),
        rest_api_port: String(PORT),
        grpc_port: String(PORT + 1),
        region: 'eu-central-1',
        version: '2026.11.24-3f9c1d2',
      },
    },
    // Not `serfHealth`: the leader removes nodes with that check which it does not know as members.
    Checks: [
      { Node: node, CheckID: 'alive', Name: 'Agent alive', Status: 'passing', Output: 'Agent alive and reachable' },
      {
        Node: node,
        CheckID: `service:${id}`,
        Name: `Service '${service}' check`,
        Status: 'passing',
        Notes: 'Answers on its own port whether it takes new games',
        Output: `HTTP GET http://${address}:${PORT}/health: 200 OK Output: ${CHECK_OUTPUT}`,
        ServiceID: id,
      },
    ],
  };
}

/** The metrics of all instances of the fleets, as cAdvisor names them; `atS` moves the counters on. */
export function fleetMetrics(fleets: readonly BenchFleet[], atS: number): string {
  const cpu: string[] = [];
  const memory: string[] = [];
  for (const fleet of fleets) {
    for (const [index, address] of addressesOf(fleet).entries()) {
      const labels = `container_label_com_docker_compose_service="${fleet.service}",id="/docker/${address}",image="game-service:latest",instance="${address}:${PORT}",name="${fleet.service}-${index}"`;
      // Between a tenth and 0.9 cores, and 0.5 to 1.3 GB, each its own.
      const share = ((index * 7919) % 97) / 97;
      cpu.push(`container_cpu_usage_seconds_total{${labels}} ${(atS * (0.1 + 0.8 * share)).toFixed(3)}`);
      memory.push(`container_memory_usage_bytes{${labels}} ${Math.round(5e8 + 8e8 * share)}`);
    }
  }
  return [
    '# TYPE container_cpu_usage_seconds_total counter',
    ...cpu,
    '# TYPE container_memory_usage_bytes gauge',
    ...memory,
    '',
  ].join('\n');
}
