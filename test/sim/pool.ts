import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './regret.ts';
import type { Task } from './run-task.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** What a worker answers a task with. */
export type Message = { readonly outcome: Outcome } | { readonly error: string };

/** Runs all tasks in `jobs` processes, each with a Redis of its own; the first that fails ends it all. */
export async function runAll(
  tasks: readonly Task[],
  jobs: number,
  onOutcome: (task: Task, outcome: Outcome) => void,
): Promise<void> {
  const waiting = [...tasks];
  const failed = new AbortController();
  const workers = Array.from({ length: Math.min(jobs, tasks.length) }, () => fork(WORKER));
  try {
    await Promise.all(
      workers.map(async (worker) => {
        for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
          onOutcome(task, await ask(worker, task, failed.signal));
        }
      }),
    );
  } finally {
    failed.abort();
    await Promise.all(workers.map(leave));
  }
}

function ask(worker: ChildProcess, task: Task, failed: AbortSignal): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const name = `${task.policy} in ${task.scenario}, seed ${task.seed}`;
    function finish(end: () => void) {
      worker.off('message', onMessage);
      worker.off('exit', onExit);
      failed.removeEventListener('abort', onAbort);
      end();
    }
    function onMessage(message: Message) {
      finish(() => ('outcome' in message ? resolve(message.outcome) : reject(new Error(`${name}: ${message.error}`))));
    }
    function onExit() {
      finish(() => reject(new Error(`${name}: its process ended`)));
    }
    function onAbort() {
      finish(() => reject(new Error(`${name}: given up`)));
    }
    worker.on('message', onMessage);
    worker.on('exit', onExit);
    failed.addEventListener('abort', onAbort);
    worker.send(task);
  });
}

/** It stops its Redis and ends by itself. */
function leave(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    worker.once('exit', () => resolve());
    worker.disconnect();
  });
}
