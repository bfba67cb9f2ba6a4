import { readFile } from 'node:fs/promises';
import { type NatsConnection, RequestError } from 'nats';
import type { RunningServer } from '../../dev/servers/running-server.ts';

/** As much of a relay's `/health` as these tests read. */
export interface RelayHealth {
  readonly connected: boolean;
  readonly in_flight: number;
  readonly lost_replies: number;
  readonly calls: number;
  readonly hedged: number;
  readonly retried: number;
  readonly upstream_failures: Readonly<Record<string, number>>;
}

export async function healthOf(relay: RunningServer): Promise<RelayHealth> {
  const response = await fetch(`${relay.url}/health`, { signal: AbortSignal.timeout(5000) });
  return (await response.json()) as RelayHealth;
}

/** `ready`, or the reason why it is not. */
export async function readinessOf(relay: RunningServer): Promise<string> {
  const response = await fetch(`${relay.url}/readyz`, { signal: AbortSignal.timeout(5000) });
  const { reason } = (await response.json()) as { reason?: string };
  return response.ok ? 'ready' : (reason ?? 'no reason');
}

/** The lines of a relay's log that tell of `event`. */
export async function loggedBy(relay: RunningServer, event: string): Promise<readonly Record<string, unknown>[]> {
  const lines = (await readFile(relay.logFile, 'utf8')).split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['event'] === event);
}

/** Memory that the process holds, MiB. */
export async function memoryOf(server: RunningServer): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** Ids of the relays that answer as NATS services. */
export async function serviceIds(nats: NatsConnection): Promise<readonly string[]> {
  const answers = await nats.requestMany('$SRV.PING', '', { strategy: 'stall', maxWait: 5000, stall: 500 });
  const ids: string[] = [];
  for await (const answer of answers) ids.push(answer.json<{ id: string }>().id);
  return ids;
}

/** Until NATS knows that the relay with this id is gone, and sends it nothing any more. */
export async function untilGone(nats: NatsConnection, id: string): Promise<void> {
  const subject = `$SRV.PING.game-allocator-service.${id}`;
  for (;;) {
    try {
      await nats.request(subject, '', { timeout: 200 });
    } catch (error) {
      if (error instanceof RequestError && error.isNoResponders()) return;
    }
  }
}
