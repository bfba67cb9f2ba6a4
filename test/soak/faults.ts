import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import type { ProxiedStack } from '../faults/placement-stack.ts';
import { until } from '../faults/until.ts';
import { type HttpFault, type HttpFaultProxy, PASS } from '../support/http-fault-proxy.ts';
import { createRandom } from '../support/random.ts';
import type { FaultWindow } from './excuses.ts';
import { FAULTS, type FaultName, type PlannedFault } from './schedule.ts';

/** What faults are done to. */
export interface Harmed extends Pick<ProxiedStack, 'stack' | 'proxies'> {
  readonly relays: readonly RunningServer[];
  /** Redis here keeps nothing over a kill: every game may be placed anew from now on. */
  readonly onRedisEmptied: () => void;
}

/** Takes a fault back; resolves when what it was done to serves again. */
type Undo = () => Promise<void>;

type Fault = (harmed: Harmed, which: number) => Undo | Promise<Undo>;

const SERVES_LIMIT_MS = 60_000;

const random = createRandom('replies of redis lost');

const DO: Readonly<Record<FaultName, Fault>> = {
  'relay killed': ({ relays }, which) => kill(oneOf(relays, which)),
  'relay stopped': ({ relays }, which) => stop(oneOf(relays, which), () => untilReady(relays)),
  'environment killed': async (harmed, which) => {
    signalTo(await environmentOf(harmed, which), 'SIGKILL');
    return () => Promise.resolve(); // the next call gets a new one
  },
  'environment stopped': async (harmed, which) => {
    const pid = await environmentOf(harmed, which);
    signalTo(pid, 'SIGSTOP');
    return async () => signalTo(pid, 'SIGCONT');
  },
  'functions killed': ({ stack }) => kill(stack.functions),
  'functions stopped': ({ stack }) => stop(stack.functions),
  'nats killed': ({ stack, relays }) => kill(stack.nats, () => untilReady(relays)),
  'nats stopped': ({ stack, relays }) => stop(stack.nats, () => untilReady(relays)),
  'redis killed': ({ stack, onRedisEmptied }) => {
    onRedisEmptied();
    return kill(stack.redis);
  },
  'redis stopped': ({ stack }) => stop(stack.redis),
  'rest front killed': ({ stack }) => kill(stack.upstash),
  'rest front stopped': ({ stack }) => stop(stack.upstash),
  'replies of redis lost': ({ proxies }) =>
    mistreat(proxies.upstash, () => (random.uniform() < 0.3 ? { kind: 'drop' } : PASS)),
  'replies of redis late': ({ proxies }) => mistreat(proxies.upstash, () => ({ kind: 'late', ms: 300 })),
  'redis refuses': ({ proxies }) =>
    mistreat(proxies.upstash, () => ({
      kind: 'answer',
      status: 429,
      body: '{"error":"ERR max requests limit exceeded"}',
    })),
  'consul killed': ({ stack }) => kill(stack.consul),
  'consul stopped': ({ stack }) => stop(stack.consul),
  'consul lists nobody': ({ proxies }) =>
    mistreat(proxies.consul, () => ({ kind: 'edit', edit: (answer) => ({ ...answer, body: '[]' }) })),
  'prometheus killed': ({ stack }) => kill(stack.prometheus),
  'prometheus stopped': ({ stack }) => stop(stack.prometheus),
  'instance fails its checks': async ({ stack }, which) => {
    const { address } = oneOf(await stack.fleetReport(), which);
    await stack.changeInstance(address, { health: 'critical' });
    return () => stack.changeInstance(address, { health: 'passing' });
  },
};

function kill(server: RunningServer, after: Undo = () => Promise.resolve()): Undo {
  server.signal('SIGKILL');
  return async () => {
    await server.restart();
    await after();
  };
}

function stop(server: RunningServer, after: Undo = () => Promise.resolve()): Undo {
  server.signal('SIGSTOP');
  return async () => {
    server.signal('SIGCONT');
    await after();
  };
}

function mistreat(proxy: HttpFaultProxy, decide: () => HttpFault): Undo {
  proxy.set(decide);
  return async () => proxy.set(PASS);
}

async function untilReady(relays: readonly RunningServer[]): Promise<void> {
  for (const relay of relays) {
    await until(async () => {
      const answer = await fetch(`${relay.url}/readyz`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok === true;
    }, SERVES_LIMIT_MS);
  }
}

async function environmentOf({ stack }: Harmed, which: number): Promise<number> {
  const { pids } = await stack.functionStatus();
  return oneOf(Object.values(pids).flat(), which);
}

/** Nothing where it has ended by itself. */
function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function oneOf<T>(all: readonly T[], which: number): T {
  const one = all[Math.floor(which * all.length)];
  if (one === undefined) throw new Error('There is nothing to choose from.');
  return one;
}

export interface FaultRun {
  /** Those that have begun. */
  windows(): readonly FaultWindow[];
  /** Names of those that are on. */
  active(): readonly FaultName[];
  /** Resolves when all have been done, or `signal` came, and everything is taken back. Rejects where that fails. */
  readonly done: Promise<void>;
}

/** Does the planned faults, each at its time or when what it is for serves again after the one before. */
export function runFaults(plan: readonly PlannedFault[], harmed: Harmed, signal: AbortSignal): FaultRun {
  const windows: { name: FaultName; fromMs: number; toMs: number }[] = [];
  const busy = new Map<string, Promise<void>>();
  const startedAtMs = performance.now();

  async function run(): Promise<void> {
    for (const planned of plan) {
      await pause(startedAtMs + planned.atMs - performance.now(), signal);
      await busy.get(FAULTS[planned.name]);
      if (signal.aborted) break;
      const window = { name: planned.name, fromMs: performance.now(), toMs: Number.POSITIVE_INFINITY };
      windows.push(window);
      const undo = await DO[planned.name](harmed, planned.which);
      busy.set(FAULTS[planned.name], takeBack(undo, planned.holdMs, window));
    }
    await Promise.all(busy.values());
  }

  async function takeBack(undo: Undo, holdMs: number, window: { toMs: number }): Promise<void> {
    await pause(holdMs, signal);
    await undo();
    window.toMs = performance.now();
  }

  return {
    windows: () => windows,
    active: () => windows.filter(({ toMs }) => toMs === Number.POSITIVE_INFINITY).map(({ name }) => name),
    done: run(),
  };
}

/** Until then, or until `signal`. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}
