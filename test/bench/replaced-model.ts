import { Agent, get } from 'node:http';
import { addressesOf, type BenchFleet } from './fleets.ts';

/** The replaced service's work, over one kept-alive connection to each system. */
export interface ReplacedModel {
  /** Allocates one after another until `windowS` have passed, at least one; allocations a second. */
  run(windowS: number): Promise<number>;
  stop(): Promise<void>;
}

/**
 * What the replaced service does for each allocation: who is there from Consul, then CPU and RAM of each instance from
 * Prometheus, a query each, all one after another, and one allocation at a time. It does so in Python with a connection
 * for each call; here without both, so that only the work itself counts.
 */
export function createReplacedModel(consulUrl: string, prometheusUrl: string, fleet: BenchFleet): ReplacedModel {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  async function allocate(): Promise<string> {
    const entries = await getJson<{ Service: { Address: string } }[]>(
      `${consulUrl}/v1/health/service/${fleet.service}?passing=true`,
      agent,
    );
    let best = { address: '', cpu: Number.POSITIVE_INFINITY, ram: Number.POSITIVE_INFINITY };
    for (const { Service } of entries) {
      const address = Service.Address;
      const cpu = await query(`rate(container_cpu_usage_seconds_total{${matcher(fleet, address)}}[1m])`);
      const ram = await query(`container_memory_usage_bytes{${matcher(fleet, address)}}`);
      if (cpu < best.cpu) best = { address, cpu, ram };
    }
    if (!addressesOf(fleet).includes(best.address)) throw new Error('The model of the replaced service found nobody.');
    return best.address;
  }

  async function query(promql: string): Promise<number> {
    const url = `${prometheusUrl}/api/v1/query?query=${encodeURIComponent(promql)}`;
    const { data } = await getJson<{ data: { result: { value: [number, string] }[] } }>(url, agent);
    return Number(data.result[0]?.value[1] ?? 0);
  }

  return {
    async run(windowS) {
      const startedAtMs = performance.now();
      let allocations = 0;
      do {
        await allocate();
        allocations += 1;
      } while (performance.now() - startedAtMs < windowS * 1000);
      return allocations / ((performance.now() - startedAtMs) / 1000);
    },
    stop: async () => agent.destroy(),
  };
}

/** As it stands in the replaced service, a regular expression around the bare address. */
function matcher({ service }: BenchFleet, address: string): string {
  return `container_label_com_docker_compose_service="${service}",instance=~".*${address}.*"`;
}

function getJson<T>(url: string, agent: Agent): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${response.statusCode}: ${text.slice(0, 200)}`));
      });
    });
    request.on('error', reject);
  });
}
