import { setTimeout as sleep } from 'node:timers/promises';

const SERVICE = 'game-service';
const CALL_LIMIT_MS = 10_000;
/** More at once only queue inside Consul, which writes each to disk. */
const AT_ONCE = 8;
/** A fleet of 300 took 1.5 s; this only ends a wait that would never end. */
const PASSING_LIMIT_MS = 90_000;
const REST_API_PORT = 5002;
const GRPC_PORT = 5003;

export interface Registration {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly cpuCores: number;
  readonly memoryBytes: number;
  readonly maxGames?: number;
  readonly draining: boolean;
}

/** Registers one as `game-service`, or registers it anew: its check then keeps its status. */
export function register(consulUrl: string, instance: Registration, intervalMs: number): Promise<void> {
  return put(consulUrl, '/v1/agent/service/register', definition(instance, intervalMs));
}

/** Registers each as `game-service` with an HTTP check of its /health, and waits until Consul calls all of them passing. */
export async function registerAll(consulUrl: string, all: readonly Registration[], intervalMs: number): Promise<void> {
  await eachAtOnce(all, (one) => register(consulUrl, one, intervalMs));
  const giveUpAt = performance.now() + PASSING_LIMIT_MS;
  const wanted = new Set(all.map(({ id }) => id));
  for (;;) {
    const passing = (await passingIds(consulUrl)).filter((id) => wanted.has(id));
    if (passing.length === wanted.size) return;
    if (performance.now() > giveUpAt)
      throw new Error(`Only ${passing.length} of ${wanted.size} instances pass in Consul`);
    await sleep(100);
  }
}

export function setMaintenance(consulUrl: string, id: string, on: boolean): Promise<void> {
  return put(consulUrl, `/v1/agent/service/maintenance/${encodeURIComponent(id)}?enable=${on}`, undefined);
}

/** Takes the services with these IDs out again. */
export function deregisterAll(consulUrl: string, ids: readonly string[]): Promise<void> {
  return eachAtOnce(ids, (id) => put(consulUrl, `/v1/agent/service/deregister/${encodeURIComponent(id)}`, undefined));
}

function definition(instance: Registration, intervalMs: number) {
  return {
    ID: instance.id,
    Name: SERVICE,
    Address: instance.address,
    Port: instance.port,
    Meta: {
      cpu_cores: String(instance.cpuCores),
      memory_bytes: String(instance.memoryBytes),
      rest_api_port: String(REST_API_PORT),
      grpc_port: String(GRPC_PORT),
      ...(instance.maxGames !== undefined && { max_games: String(instance.maxGames) }),
      ...(instance.draining && { draining: 'true' }),
    },
    Check: {
      HTTP: `http://${instance.address}:${instance.port}/health`,
      Interval: `${intervalMs}ms`,
      // A crowded machine must not make healthy instances flap.
      Timeout: '5s',
      // It listens already; else Consul would call it critical until its first check.
      Status: 'passing',
    },
  };
}

async function passingIds(consulUrl: string): Promise<readonly string[]> {
  const url = new URL(`/v1/health/service/${SERVICE}?passing`, consulUrl);
  const response = await fetch(url, { signal: AbortSignal.timeout(CALL_LIMIT_MS) });
  if (!response.ok) throw new Error(`Consul answered ${response.status} to the fleet's health query`);
  const entries: unknown = await response.json();
  return Array.isArray(entries) ? entries.map((entry) => String(entry?.Service?.ID)) : [];
}

async function put(consulUrl: string, path: string, body: unknown): Promise<void> {
  const response = await fetch(new URL(path, consulUrl), {
    method: 'PUT',
    signal: AbortSignal.timeout(CALL_LIMIT_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Consul answered ${response.status} to ${path}: ${text.slice(0, 200)}`);
}

/** Stops at the first failure: with Consul gone, the other 299 would fail too, each after its own wait. */
async function eachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  async function worker(): Promise<void> {
    for (let item = items[next]; item !== undefined; item = items[next]) {
      next += 1;
      await work(item);
    }
  }
  const workers = Array.from({ length: AT_ONCE }, () =>
    worker().catch((error: unknown) => {
      next = items.length;
      throw error;
    }),
  );
  await Promise.all(workers);
}
