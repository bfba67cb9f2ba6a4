import type { FleetList, Instance, InstanceStatus } from '../../domain/fleet.ts';
import { isInstanceId } from '../../domain/ids.ts';
import { ServiceEntry } from './schema.ts';

export interface FleetListOptions {
  /** What names an instance. */
  readonly instanceId: 'address' | 'service_id';
  /** What an instance can carry that does not say so itself: cores, bytes. */
  readonly defaults: { readonly cpuCores: number; readonly memoryBytes: number };
}

/**
 * Reads the elements of a health answer. One that cannot be read, or whose id cannot be used, is counted and costs no
 * other; undefined when there are elements and not one of them can be read, since that is another kind of answer and
 * not an empty fleet.
 */
export function readFleetList(elements: readonly unknown[], options: FleetListOptions): FleetList | undefined {
  const byId = new Map<string, Instance>();
  let unusable = 0;
  let unreadable = 0;
  let duplicates = 0;

  for (const element of elements) {
    const entry = ServiceEntry.safeParse(element);
    if (!entry.success) {
      unreadable += 1;
      continue;
    }
    const instance = toInstance(entry.data, options);
    if (!isInstanceId(instance.id)) {
      unusable += 1;
      continue;
    }
    const known = byId.get(instance.id);
    if (known) duplicates += 1;
    byId.set(instance.id, known ? merge(known, instance) : instance);
  }

  if (unreadable > 0 && unreadable === elements.length) return undefined;
  return { instances: [...byId.values()], unusable: unusable + unreadable, duplicates };
}

function toInstance({ Node, Service, Checks }: ServiceEntry, { instanceId, defaults }: FleetListOptions): Instance {
  const port = Number.isInteger(Service.Port) ? Number(Service.Port) : 0;
  return {
    id: instanceId === 'service_id' ? Service.ID : Service.Address || Node.Address || '',
    ...(port >= 1 && port <= 65_535 ? { port } : {}),
    status: statusOf(Checks ?? [], Service.Meta?.['draining'] === 'true'),
    cpuCores: positive(Service.Meta?.['cpu_cores']) ?? defaults.cpuCores,
    memoryBytes: positive(Service.Meta?.['memory_bytes']) ?? defaults.memoryBytes,
  };
}

function statusOf(checks: NonNullable<ServiceEntry['Checks']>, draining: boolean): InstanceStatus {
  // Consul's maintenance mode is a critical check of its own making: somebody works on the instance, and its games live.
  const own = checks.filter((check) => !isMaintenance(check.CheckID));
  if (own.some((check) => check.Status === 'critical')) return 'gone';
  const passing = own.length === checks.length && own.every((check) => check.Status === 'passing');
  return passing && !draining ? 'eligible' : 'listed';
}

function isMaintenance(checkId: string): boolean {
  return checkId === '_node_maintenance' || checkId.startsWith('_service_maintenance:');
}

/**
 * Two entries of one instance. Where they disagree it is listed: it gets no new games, since one half says that it must
 * not, and loses none, since the other half is alive.
 */
function merge(first: Instance, second: Instance): Instance {
  return {
    ...first,
    status: first.status === second.status ? first.status : 'listed',
    cpuCores: first.cpuCores + second.cpuCores,
    memoryBytes: first.memoryBytes + second.memoryBytes,
  };
}

function positive(text: unknown): number | undefined {
  const value = typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN;
  return Number.isFinite(value) && value > 0 ? value : undefined;
}
