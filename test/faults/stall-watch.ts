import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { NatsConnection } from 'nats';
import { dieWithParent } from '../../dev/servers/die-with-parent.ts';

export type OnStall = (fromMs: number, toMs: number) => void;

const EVERY_MS = 20;
/** Less is no standstill, only a timer. */
const WORTH_TELLING_MS = 3;

/**
 * Tells of each time in which this machine let nobody answer, so that a late reply can be told from a relay that is late:
 * a bare responder was late as well, or the relay, NATS or the caller was ready to run and waited for a processor.
 */
export function watchStalls(nats: NatsConnection, natsUrl: string, onStall: OnStall): { close(): void } {
  const watches = [watchResponder(nats, natsUrl, onStall), watchProcessors(onStall)];
  return {
    close: () => {
      for (const { close } of watches) close();
    },
  };
}

const RESPONDER = fileURLToPath(new URL('./bare-responder.ts', import.meta.url));
/** As long as the relay has for a caller that waits for half a second. */
const DELAY_MS = 450;

/** Asks a bare responder in a process of its own fifty times a second. */
function watchResponder(nats: NatsConnection, url: string, onStall: OnStall) {
  const subject = `bare.${crypto.randomUUID()}`;
  const inbox = `_INBOX.${crypto.randomUUID()}`;
  const child = spawn(process.execPath, [RESPONDER, url, subject, String(DELAY_MS)], { stdio: 'ignore' });
  dieWithParent(child);
  const subscription = nats.subscribe(`${inbox}.*`, {
    callback: (_error, message) => {
      if (message.headers?.code === 503) return; // it has not started yet
      const dueMs = Number(message.subject.slice(inbox.length + 1)) + DELAY_MS;
      const nowMs = performance.now();
      if (nowMs - dueMs > WORTH_TELLING_MS) onStall(dueMs, nowMs);
    },
  });
  const timer = setInterval(() => {
    nats.publish(subject, '', { reply: `${inbox}.${Math.round(performance.now())}` });
  }, EVERY_MS);
  return {
    close: () => {
      clearInterval(timer);
      subscription.unsubscribe();
      child.kill('SIGKILL');
    },
  };
}

/**
 * Looks at how long this process, and those of its children that a reply passes, have waited for a processor. Without
 * Linux's /proc it sees nothing.
 */
function watchProcessors(onStall: OnStall) {
  const waited = new Map<string, number>();
  const timer = setInterval(() => {
    let longestMs = 0;
    for (const pid of [String(process.pid), ...children().filter(isOnTheWay)]) {
      const nowMs = waitedMs(pid);
      longestMs = Math.max(longestMs, nowMs - (waited.get(pid) ?? nowMs));
      waited.set(pid, nowMs);
    }
    const nowMs = performance.now();
    if (longestMs > WORTH_TELLING_MS) onStall(nowMs - longestMs, nowMs);
  }, EVERY_MS);
  return { close: () => clearInterval(timer) };
}

function children(): readonly string[] {
  try {
    const threads = readdirSync('/proc/self/task');
    return threads.flatMap((thread) => read(`/proc/self/task/${thread}/children`).split(' ').filter(Boolean));
  } catch {
    return [];
  }
}

/** The functions do not count: the relay answers without them when they are late. */
function isOnTheWay(pid: string): boolean {
  return /nats-server|relay\.mjs/.test(read(`/proc/${pid}/cmdline`));
}

/** Since the process began: the second of three numbers, ns. 0 for one that has ended. */
function waitedMs(pid: string): number {
  return Number(read(`/proc/${pid}/schedstat`).split(' ')[1] ?? 0) / 1e6;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
