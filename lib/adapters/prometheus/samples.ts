import type { Sample } from '../../domain/fleet.ts';
import { eachInSlices } from '../http/in-slices.ts';
import { VectorElement } from './schema.ts';

/** What was said of one value of the instance label; NaN where it cannot be used, undefined where nothing was said. */
interface Load {
  readonly cpu: number | undefined;
  readonly ram: number | undefined;
  readonly ts: number | undefined;
}

/**
 * The instances of which CPU, RAM and time are all there, finite and not negative, by the host part of `label`.
 *
 * Several series of one host (a game server on each of two ports) are one instance: their CPU and RAM are added, as
 * their capacities are, and the oldest time counts, so that a live half does not make a dead half look fresh. One of
 * them that is incomplete makes the instance unknown: without it the sum would look idler than it is.
 */
export async function readSamples(
  elements: readonly unknown[],
  label: string,
  signal: AbortSignal,
): Promise<Map<string, Sample>> {
  const byLabel = new Map<string, Load>();
  function visit(element: unknown): void {
    const parsed = VectorElement.safeParse(element);
    if (!parsed.success) return;
    const { metric, value } = parsed.data;
    const name = metric[label];
    if (name !== undefined && name !== '') byLabel.set(name, withValue(byLabel.get(name), metric['m'], value[1]));
  }
  await eachInSlices('prometheus', elements, visit, signal);

  const byHost = new Map<string, Sample>();
  for (const [name, load] of byLabel) {
    const host = hostPart(name);
    const known = byHost.get(host);
    const { cpu = Number.NaN, ram = Number.NaN, ts = Number.NaN } = load;
    byHost.set(host, {
      cpuCores: cpu + (known?.cpuCores ?? 0),
      memoryBytes: ram + (known?.memoryBytes ?? 0),
      atS: Math.min(ts, known?.atS ?? ts),
    });
  }
  for (const [host, { cpuCores, memoryBytes, atS }] of byHost) {
    if (!Number.isFinite(cpuCores + memoryBytes + atS)) byHost.delete(host);
  }
  return byHost;
}

function withValue(
  load: Load = { cpu: undefined, ram: undefined, ts: undefined },
  kind: string | undefined,
  text: string,
) {
  const value = numberOf(text);
  switch (kind) {
    case 'cpu':
      return { ...load, cpu: value + (load.cpu ?? 0) };
    case 'ram':
      return { ...load, ram: value + (load.ram ?? 0) };
    case 'ts':
      return { ...load, ts: Math.min(value, load.ts ?? value) };
    default:
      return load;
  }
}

/** Prometheus writes NaN, +Inf and -Inf too, and Number('') is 0: only plain numbers from 0 up are numbers here. */
function numberOf(text: string): number {
  return /^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

/** `10.0.0.1:8080` is 10.0.0.1, `[::1]:80` is ::1, and what has no port stays as it is. */
export function hostPart(instance: string): string {
  const match = /^\[(.*)\](?::\d+)?$/.exec(instance) ?? /^([^:]*):\d+$/.exec(instance);
  return match?.[1] ?? instance;
}
