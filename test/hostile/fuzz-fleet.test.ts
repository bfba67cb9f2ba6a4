import { expect, it } from 'vitest';
import { createConsulDiscovery } from '../../lib/adapters/consul/discovery.ts';
import { createPrometheusMetrics } from '../../lib/adapters/prometheus/metrics.ts';
import type { FleetList, LoadReport } from '../../lib/domain/fleet.ts';
import { isInstanceId } from '../../lib/domain/ids.ts';
import { SELECTABLE_LENGTH, SELECTABLE_MOST } from '../../lib/domain/selector.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { bodyOf, FUZZ_TIMEOUT_MS, fuzz, mutateHttp, startRawHttpServer } from './fuzz.ts';

it(
  'whatever Consul answers, an instance is one that can be used, and eligible only where the answer says so',
  async () => {
    const server = await startRawHttpServer();
    const options = {
      baseUrl: new URL(`http://127.0.0.1:${server.port}`),
      token: () => undefined,
      serviceName: 'game-service',
      instanceId: 'address' as const,
      defaults: { cpuCores: 4, memoryBytes: 8e9 },
      maxAgeMs: 300_000,
      log: recordedLog(),
    };

    const counts = await fuzz({
      name: 'consul',
      kept: [],
      mutate: mutateHttp(['consul.http']),
      read(bytes, signal) {
        server.answer = bytes;
        return createConsulDiscovery(options).list(signal); // one that remembers no list of the case before
      },
      check: (fleet, bytes) => {
        fleet.instances.forEach(expectUsable);
        expect(new Set(fleet.instances.map(({ id }) => id)).size).toBe(fleet.instances.length);
        expectEligibleByRight(fleet, bytes);
      },
    });

    expect(Math.min(counts.sound, counts.refused)).toBeGreaterThan(50);
  },
  FUZZ_TIMEOUT_MS,
);

it(
  'whatever Prometheus answers, a sample is complete, finite and not negative',
  async () => {
    const server = await startRawHttpServer();
    const metrics = createPrometheusMetrics({
      baseUrl: new URL(`http://127.0.0.1:${server.port}`),
      token: () => undefined,
      query: 'up',
      label: 'instance',
      log: recordedLog(),
    });

    const counts = await fuzz<LoadReport>({
      name: 'prometheus',
      kept: [],
      mutate: mutateHttp(['prometheus.http']),
      read(bytes, signal) {
        server.answer = bytes;
        return metrics.load(signal);
      },
      check: ({ samples }) => {
        for (const [id, { atS, cpuCores, memoryBytes }] of samples) {
          expect(id).not.toBe('');
          for (const value of [atS, cpuCores, memoryBytes]) expect(value).toSatisfy(isFiniteFrom0);
        }
      },
    });

    expect(Math.min(counts.sound, counts.refused)).toBeGreaterThan(50);
  },
  FUZZ_TIMEOUT_MS,
);

function expectUsable(instance: FleetList['instances'][number]): void {
  const {
    id,
    status,
    cpuCores,
    memoryBytes,
    maxGames = 1,
    port = 1,
    restPort = 1,
    grpcPort = 1,
    tags,
    meta,
  } = instance;
  expect(id).toSatisfy(isInstanceId);
  expect(['eligible', 'listed', 'gone']).toContain(status);
  for (const size of [cpuCores, memoryBytes]) expect(size > 0 && Number.isFinite(size)).toBe(true);
  for (const whole of [maxGames, port, restPort, grpcPort])
    expect(Number.isSafeInteger(whole) && whole >= 1).toBe(true);
  for (const each of [port, restPort, grpcPort]) expect(each).toBeLessThanOrEqual(65_535);
  const texts = [...tags, ...Object.entries(meta).flat()];
  expect(texts.every((text) => typeof text === 'string' && [...text].length <= SELECTABLE_LENGTH)).toBe(true);
  expect(Math.max(tags.length, Object.keys(meta).length)).toBeLessThanOrEqual(SELECTABLE_MOST);
}

// biome-ignore lint/suspicious/noExplicitAny: it may be anything, and its parts are looked at one by one
type Anything = any;

/** By another reading of the same answer: every check of every entry of an eligible instance passes. */
function expectEligibleByRight({ instances }: FleetList, bytes: Buffer): void {
  const eligible = instances.filter(({ status }) => status === 'eligible').map(({ id }) => id);
  const entries = parseBody(bytes);
  if (entries === undefined) return;
  for (const id of eligible) {
    const own = entries.filter(
      (entry) => isReadable(entry ?? {}) && (entry.Service.Address || entry.Node.Address) === id,
    );
    expect(own.length).toBeGreaterThan(0);
    for (const { Checks } of own) {
      for (const { Status } of Checks ?? []) expect(Status).toBe('passing');
    }
  }
}

/** An entry that lacks what is needed of it is left out, and says nothing for or against others. */
function isReadable({ Node, Service, Checks }: Anything): boolean {
  const isText = (value: unknown) => typeof value === 'string';
  const isAddress = (value: unknown) => value === undefined || isText(value);
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject(Node) || !isObject(Service) || !isText(Service.ID)) return false;
  if (!isAddress(Node.Address) || !isAddress(Service.Address)) return false;
  if (Service.Meta !== undefined && Service.Meta !== null && !isObject(Service.Meta)) return false;
  if (Checks === null) return true;
  return Array.isArray(Checks) && Checks.every((check) => isText(check?.CheckID) && isText(check?.Status));
}

/** Undefined where the bytes are no plain answer: its framing was changed, and only the adapter knows what it read. */
function parseBody(bytes: Buffer): Anything[] | undefined {
  try {
    return JSON.parse(bodyOf(bytes).toString());
  } catch {
    return undefined;
  }
}

function isFiniteFrom0(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
