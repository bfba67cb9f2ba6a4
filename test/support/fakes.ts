import type { Context } from 'aws-lambda';
import { onTestFinished, vi } from 'vitest';
import type { OpenView } from '../../lib/app/fleet-views.ts';
import type { ServeInsight } from '../../lib/app/insight-call.ts';
import type { Placement, PlacementAnswer, PlacementCall, PlacementResult } from '../../lib/app/placement.ts';
import type { Log, LogFields, RedisClient } from '../../lib/app/ports.ts';
import { type Upstream, UpstreamError } from '../../lib/app/upstream-error.ts';
import type { FleetList, FleetView, Instance, LoadReport, Sample } from '../../lib/domain/fleet.ts';

/** A time of no meaning, ms since 1970. */
export const NOW_MS = Date.parse('2026-03-01T12:00:00Z');

export interface FakeTime {
  /** Lets `ms` pass, with all that is due in it. */
  pass(ms: number): Promise<void>;
  /** Sets the wall clock without letting time pass. */
  setClock(ms: number): void;
}

/** Makes Date, timers and AbortSignal.timeout follow one time that only passes when told, for this test. */
export function fakeTime(): FakeTime {
  vi.useFakeTimers({ now: NOW_MS, toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  // Vitest leaves it on real time, which on a loaded machine would end what a test holds open.
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new DOMException('Too late', 'TimeoutError')), ms);
    return controller.signal;
  });
  onTestFinished(() => {
    timeout.mockRestore();
    vi.useRealTimers();
  });
  return {
    async pass(ms) {
      await vi.advanceTimersByTimeAsync(ms);
    },
    setClock: (ms) => vi.setSystemTime(ms),
  };
}

/** Whether `promise` is still open once everything that is due now has run. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  const settled = () => {
    pending = false;
  };
  promise.then(settled, settled);
  await vi.advanceTimersByTimeAsync(0);
  return pending;
}

interface OpenCall<T> {
  readonly signal: AbortSignal;
  answer(value: T): void;
  fail(error?: unknown): void;
}

/** A call to an outside system that is settled by hand; aborted, it fails as the adapters do. */
export interface ControlledCall<T> {
  readonly calls: OpenCall<T>[];
  /** The newest one. */
  last(): OpenCall<T>;
  call(signal: AbortSignal): Promise<T>;
}

export function controlledCall<T>(upstream: Upstream, { ignoresSignal = false } = {}): ControlledCall<T> {
  const calls: OpenCall<T>[] = [];
  return {
    calls,
    last: () => calls.at(-1)!,
    call: (signal) =>
      new Promise((resolve, reject) => {
        const fail = (error: unknown = new UpstreamError(upstream, 'connect')) => reject(error);
        calls.push({ signal, answer: resolve, fail });
        if (ignoresSignal) return;
        signal.addEventListener('abort', () => fail(new UpstreamError(upstream, 'timeout', { cause: signal.reason })));
      }),
  };
}

export interface ErrorLine {
  readonly level: 'warning' | 'error' | 'info' | 'debug';
  readonly event: string;
  readonly fields: LogFields | undefined;
  readonly error: unknown;
}

/** A log that keeps what it is told, errors included. */
export function fakeLog(): Log & { readonly lines: ErrorLine[]; events(): string[] } {
  const lines: ErrorLine[] = [];
  const at = (level: ErrorLine['level']) => (event: string, fields?: LogFields, error?: unknown) => {
    lines.push({ level, event, fields, error });
  };
  return {
    lines,
    events: () => lines.map(({ event }) => event),
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
  };
}

/** Redis in memory, as far as the saved list needs it. */
export interface FakeRedis extends RedisClient {
  readonly values: Map<string, string>;
  readonly sets: { readonly key: string; readonly ttlS: number; readonly signal: AbortSignal }[];
  readonly gets: { readonly key: string; readonly signal: AbortSignal }[];
  /** While set, every command fails with it. */
  failure: UpstreamError | undefined;
  /** While true, commands are answered only by their signal. */
  hanging: boolean;
}

export function fakeRedis(): FakeRedis {
  async function answer(signal: AbortSignal) {
    if (self.hanging) {
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new UpstreamError('redis', 'timeout')));
      });
    }
    if (self.failure) throw self.failure;
  }
  const self: FakeRedis = {
    values: new Map(),
    sets: [],
    gets: [],
    failure: undefined,
    hanging: false,
    runScript: () => Promise.reject(new Error('not faked')),
    async get(key, signal) {
      self.gets.push({ key, signal });
      await answer(signal);
      return self.values.get(key);
    },
    async set(key, value, ttlS, signal) {
      self.sets.push({ key, ttlS, signal });
      await answer(signal);
      self.values.set(key, value);
    },
  };
  return self;
}

/** A view whose sources are well and have just been read. */
export function openView(view: FleetView | undefined, release: OpenView['release'] = async () => {}): OpenView {
  const ok = { state: 'ok', ageMs: 0 } as const;
  return { view, sources: { consul: ok, prometheus: ok }, release };
}

/** For who does not look into it. */
export const noInsight: ServeInsight = () => Promise.reject(new Error('not faked'));

export interface FakePlacement extends Placement {
  readonly calls: { readonly call: PlacementCall; readonly signal: AbortSignal }[];
}

type FakeAnswer = readonly PlacementResult[] | PlacementAnswer;

/**
 * `answer` says what becomes of a call, with nothing marked where it gives results alone; by default every request is
 * placed on the first candidate.
 */
export function fakePlacement(
  answer: (call: PlacementCall) => FakeAnswer | Promise<FakeAnswer> = placeOnFirst,
): FakePlacement {
  const calls: FakePlacement['calls'] = [];
  return {
    calls,
    async place(call, signal) {
      calls.push({ call, signal });
      const given = await answer(call);
      return 'results' in given ? given : { results: given, marked: [] };
    },
    explain: () => Promise.reject(new Error('not faked')),
  };
}

function placeOnFirst({ candidates, requests }: PlacementCall): readonly PlacementResult[] {
  const first = candidates[0];
  return requests.map(() =>
    first === undefined
      ? { kind: 'no_candidate' }
      : { kind: 'placed', instanceId: first.instance.id, reassigned: false },
  );
}

export function instance(id: string, overrides: Partial<Instance> = {}): Instance {
  const size = { cpuCores: 4, memoryBytes: 8 * 1024 ** 3 };
  return { id, port: 5002, status: 'eligible', ...size, tags: [], meta: {}, ...overrides };
}

export function fleetList(...instances: readonly (string | Instance)[]): FleetList {
  return {
    instances: instances.map((entry) => (typeof entry === 'string' ? instance(entry) : entry)),
    unusable: 0,
    duplicates: 0,
  };
}

/** `ids` 10.0.0.1 to 10.0.0.<count>. */
export function fleetOf(count: number): FleetList {
  return fleetList(...Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}`));
}

export function loadReport(samples: Readonly<Record<string, Partial<Sample>>> = {}): LoadReport {
  return {
    samples: new Map(
      Object.entries(samples).map(([id, sample]) => [
        id,
        { atS: NOW_MS / 1000, cpuCores: 1, memoryBytes: 1e9, ...sample },
      ]),
    ),
  };
}

export interface HttpEventOptions {
  readonly body?: string;
  readonly base64?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeEpoch?: number;
  /** The route of an HTTP API, `GET /games/{game_id}`, and what stands for its parameters. */
  readonly routeKey?: string;
  readonly pathParameters?: Readonly<Record<string, string>>;
  /** As a function URL with AWS_IAM tells of who asks. */
  readonly iam?: boolean;
}

/** An event as an HTTP API and a function URL send it (payload format 2.0). */
export function httpEvent(options: HttpEventOptions = {}) {
  const { body, base64 = false, headers = {}, timeEpoch, routeKey = '$default', pathParameters, iam = false } = options;
  return {
    version: '2.0',
    routeKey,
    ...(pathParameters && { pathParameters }),
    rawPath: '/assign',
    rawQueryString: '',
    headers: { 'content-type': 'application/json', ...headers },
    requestContext: {
      accountId: '123456789012',
      apiId: 'x',
      domainName: 'x.lambda-url.eu-central-1.on.aws',
      http: { method: 'POST', path: '/assign', protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'x' },
      requestId: 'id',
      stage: '$default',
      ...(timeEpoch !== undefined && { timeEpoch }),
      ...(iam && {
        authorizer: { iam: { accountId: '123456789012', userArn: 'arn:aws:iam::123456789012:role/relay' } },
      }),
    },
    ...(body !== undefined && { body }),
    isBase64Encoded: base64,
  };
}

/** The context of an invocation; `remainingMs`: until Lambda's own limit. */
export function lambdaContext(remainingMs = 6000): Context {
  const endMs = Date.now() + remainingMs;
  return { getRemainingTimeInMillis: () => endMs - Date.now() } as Context;
}
