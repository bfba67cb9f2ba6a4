import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dieWithParent } from './die-with-parent.ts';
import { freePorts } from './free-port.ts';
import { createRunFolder } from './run-folder.ts';
import type { RunningServer } from './running-server.ts';
import { keepLog } from './transcripts.ts';

/** Ends only a server that hangs: the slowest, Consul, takes 3 s on an idle machine and 20 on a crowded one. */
const START_LIMIT_MS = 60_000;
const POLL_MS = 20;
/** For one try whether it answers; a stopped (SIGSTOP) process accepts connections and never answers. */
const ANSWER_LIMIT_MS = 2000;
const TERM_GRACE_MS = 3000;
const STOP_LIMIT_MS = 2000;
const PORT_TRIES = 5;

export interface ServerPlan {
  readonly name: string;
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  /** How many ports it needs; the first is the one that clients use. */
  readonly ports: number;
  /** Writes what it needs into `folder` (once per choice of ports) and returns the arguments. */
  readonly prepare: (folder: string, ports: readonly number[]) => Promise<readonly string[]>;
  readonly url: (port: number) => string;
  /** One of our own programs: its log is kept where a test run collects those. */
  readonly own?: boolean;
  /** Resolves to true when it really answers; false or a rejection means not yet. */
  readonly answers: (port: number, signal: AbortSignal) => Promise<boolean>;
}

/** Starts a server program on free loopback ports and waits until it answers; tries other ports when one is taken. */
export async function startServer(plan: ServerPlan): Promise<RunningServer> {
  const folder = await createRunFolder(plan.name);
  const logFile = join(folder, `${plan.name}.log`);
  for (let attempt = 1; ; attempt += 1) {
    const ports = await freePorts(plan.ports);
    const args = await plan.prepare(folder, ports);
    const start = () => spawnLogged(plan, args, folder, logFile);
    const port = ports[0] ?? 0;
    const child = start();
    const problem = await waitUntilAnswering(plan, child, port);
    if (problem === undefined) return runningServer(plan, port, folder, logFile, start, child);

    await end(child);
    const log = await readFile(logFile, 'utf8');
    if (plan.own) keepLog(plan.name, logFile);
    if (attempt < PORT_TRIES && /address already in use/i.test(log)) continue;
    await rm(folder, { recursive: true, force: true });
    throw new Error(`${plan.name} ${problem}; its log ends with:\n${log.slice(-2000)}`);
  }
}

function runningServer(
  plan: ServerPlan,
  port: number,
  folder: string,
  logFile: string,
  start: () => ChildProcess,
  first: ChildProcess,
): RunningServer {
  let child = first;
  let stopping: Promise<void> | undefined;

  async function endForGood(): Promise<void> {
    await end(child);
    if (plan.own) keepLog(plan.name, logFile);
    await rm(folder, { recursive: true, force: true });
  }

  return {
    name: plan.name,
    url: plan.url(port),
    port,
    logFile,
    get pid() {
      return child.pid ?? 0;
    },
    signal(name) {
      child.kill(name);
      if (name === 'SIGSTOP') waitUntilStopped(child.pid ?? 0);
    },
    stop() {
      stopping ??= endForGood();
      return stopping;
    },
    async restart() {
      if (stopping !== undefined) throw new Error(`${plan.name} has been stopped and its data removed`);
      await end(child);
      child = start();
      const problem = await waitUntilAnswering(plan, child, port);
      if (problem === undefined) return;
      throw new Error(`${plan.name} ${problem} after a restart; its log ends with:\n${await logTail(logFile)}`);
    },
  };
}

function spawnLogged(plan: ServerPlan, args: readonly string[], folder: string, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    // Detached: a Ctrl-C in the terminal must reach the program that stops its servers in order, not the servers.
    const child = spawn(plan.command, args, {
      cwd: folder,
      env: { ...process.env, ...plan.env },
      stdio: ['ignore', log, log],
      detached: true,
    });
    // Without a listener a program that cannot be started would end this process; `exitCode` stays null then.
    child.once('error', () => undefined);
    dieWithParent(child);
    return child;
  } finally {
    closeSync(log);
  }
}

/** undefined once it answers, else what went wrong. */
async function waitUntilAnswering(plan: ServerPlan, child: ChildProcess, port: number): Promise<string | undefined> {
  const giveUpAt = performance.now() + START_LIMIT_MS;
  const gone = new AbortController();
  child.once('exit', () => gone.abort());
  while (performance.now() < giveUpAt) {
    if (child.pid === undefined) return `could not be started (${plan.command})`;
    if (hasEnded(child)) return `ended with ${child.exitCode ?? child.signalCode} instead of starting`;
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
    const answered = await plan.answers(port, signal).catch(() => false);
    // Whoever took the port first would answer too: only a child that lives can have.
    if (answered && !hasEnded(child)) return undefined;
    await sleep(POLL_MS);
  }
  return `did not answer within ${START_LIMIT_MS / 1000} s`;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGCONT');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), TERM_GRACE_MS);
  await ended;
  clearTimeout(force);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function logTail(logFile: string): Promise<string> {
  return (await readFile(logFile, 'utf8')).slice(-2000);
}

/** A stop signal is on its way for a moment, in which a process still answers: until each of its threads has stopped. */
function waitUntilStopped(pid: number): void {
  const giveUpAt = performance.now() + STOP_LIMIT_MS;
  while (!isStopped(pid) && performance.now() < giveUpAt);
}

function isStopped(pid: number): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.every((thread) => /\) [Tt] /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')));
  } catch {
    return true; // it has ended, or this system has no /proc
  }
}
