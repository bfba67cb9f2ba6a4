import { type FleetList, type Instance, isHealthy } from '../../domain/fleet.ts';
import { isInstanceId } from '../../domain/ids.ts';
import { isSelectable, SELECTABLE_MOST } from '../../domain/selector.ts';
import { eachInSlices } from '../http/in-slices.ts';
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
export async function readFleetList(
  elements: readonly unknown[],
  options: FleetListOptions,
  signal: AbortSignal,
): Promise<FleetList | undefined> {
  const byId = new Map<string, Instance>();
  let unusable = 0;
  let unreadable = 0;
  let duplicates = 0;

  function visit(element: unknown): void {
    const entry = ServiceEntry.safeParse(element);
    if (!entry.success) {
      unreadable += 1;
      return;
    }
    const instance = toInstance(entry.data, options);
    if (!isInstanceId(instance.id)) {
      unusable += 1;
      return;
    }
    const known = byId.get(instance.id);
    if (known) duplicates += 1;
    byId.set(instance.id, known ? merge(known, instance) : instance);
  }
  await eachInSlices('consul', elements, visit, signal);

  if (unreadable > 0 && unreadable === elements.length) return undefined;
  return { instances: [...byId.values()], unusable: unusable + unreadable, duplicates };
}

function toInstance({ Node, Service, Checks }: ServiceEntry, { instanceId, defaults }: FleetListOptions): Instance {
  const port = Number.isInteger(Service.Port) ? portNumber(Number(Service.Port)) : undefined;
  const restPort = portNumber(wholeNumber(Service.Meta?.['rest_api_port']));
  const grpcPort = portNumber(wholeNumber(Service.Meta?.['grpc_port']));
  const maxGames = wholeNumber(Service.Meta?.['max_games']);
  const address = Service.Address || Node.Address || '';
  const id = instanceId === 'service_id' ? Service.ID : address;
  return {
    id,
    ...(port !== undefined && { port }),
    ...(address !== id && address !== '' && { address }),
    ...(restPort !== undefined && { restPort }),
    ...(grpcPort !== undefined && { grpcPort }),
    ...statusOf(Checks ?? [], Service.Meta?.['draining'] === 'true'),
    cpuCores: positive(Service.Meta?.['cpu_cores']) ?? defaults.cpuCores,
    memoryBytes: positive(Service.Meta?.['memory_bytes']) ?? defaults.memoryBytes,
    ...(maxGames !== undefined && { maxGames }),
    tags: tagsOf(Service.Tags),
    meta: metaOf(Service.Meta ?? {}),
  };
}

function tagsOf(tags: unknown): readonly string[] {
  return Array.isArray(tags) ? tags.filter(isSelectable).slice(0, SELECTABLE_MOST) : [];
}

function metaOf(meta: Readonly<Record<string, unknown>>): Instance['meta'] {
  const kept = Object.entries(meta).filter(
    (entry): entry is [string, string] => isSelectable(entry[0]) && isSelectable(entry[1]),
  );
  return Object.fromEntries(kept.slice(0, SELECTABLE_MOST));
}

function statusOf(
  checks: NonNullable<ServiceEntry['Checks']>,
  draining: boolean,
): Pick<Instance, 'status' | 'draining'> {
  // Consul's maintenance mode is a critical check of its own making: somebody works on the instance, and its games live.
  const own = checks.filter((check) => !isMaintenance(check.CheckID));
  if (own.some((check) => check.Status === 'critical')) return { status: 'gone' };
  const passing = own.length === checks.length && own.every((check) => check.Status === 'passing');
  if (!passing) return { status: 'listed' };
  return draining ? { status: 'listed', draining } : { status: 'eligible' };
}

function isMaintenance(checkId: string): boolean {
  return checkId === '_node_maintenance' || checkId.startsWith('_service_maintenance:');
}

/**
 * Two entries of one instance. Where they disagree it is listed: it gets no new games, since one half says that it must
 * not, and loses none, since the other half is alive. Together they can carry what both can, without a limit where one
 * has none, and only what both say of themselves is sure.
 */
function merge(first: Instance, second: Instance): Instance {
  const { maxGames, draining: _, ...unlimited } = first;
  const status = first.status === second.status ? first.status : 'listed';
  const draining = status === 'listed' && isHealthy(first) && isHealthy(second);
  return {
    ...unlimited,
    status,
    ...(draining && { draining }),
    cpuCores: first.cpuCores + second.cpuCores,
    memoryBytes: first.memoryBytes + second.memoryBytes,
    ...(maxGames !== undefined && second.maxGames !== undefined && { maxGames: maxGames + second.maxGames }),
    tags: first.tags.filter((tag) => second.tags.includes(tag)),
    meta: Object.fromEntries(
      Object.entries(first.meta).filter(
        ([key, value]) => Object.hasOwn(second.meta, key) && second.meta[key] === value,
      ),
    ),
  };
}

function portNumber(value: number | undefined): number | undefined {
  return value !== undefined && value >= 1 && value <= 65_535 ? value : undefined;
}

function positive(text: unknown): number | undefined {
  const value = typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN;
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

function wholeNumber(text: unknown): number | undefined {
  const value = positive(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
