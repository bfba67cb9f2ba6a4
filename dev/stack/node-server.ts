import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../find-server.mjs';
import type { RunningServer } from '../servers/running-server.ts';
import { startServer } from '../servers/start-server.ts';

export interface NodeServerPlan {
  readonly name: string;
  /** Relative to the project. */
  readonly script: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly ports?: number;
  readonly args: (ports: readonly number[]) => readonly string[];
  /** Variables that hold a port, so that they cannot be known before it is chosen. Nothing secret: `ps` shows them. */
  readonly portEnv?: (ports: readonly number[]) => readonly string[];
  /** This path answers 200 once it is ready. */
  readonly readyPath: string;
  /** It chooses its port itself and prints `{"url": ...}` as a line of JSON. */
  readonly printsUrl?: true;
}

/** Starts one of the project's own programs as a server: on free ports, ending with this process, its output in a log. */
export function startNodeServer(plan: NodeServerPlan): Promise<RunningServer> {
  const script = join(PROJECT_ROOT, plan.script);
  let logFile = '';
  return startServer({
    name: plan.name,
    own: true,
    // env(1) becomes the program that it starts, so the process id stays right.
    command: '/usr/bin/env',
    env: plan.env ?? {},
    ports: plan.ports ?? 1,
    prepare: (folder, ports) => {
      logFile = join(folder, `${plan.name}.log`);
      return Promise.resolve([...(plan.portEnv?.(ports) ?? []), process.execPath, script, ...plan.args(ports)]);
    },
    url: (port) => `http://127.0.0.1:${port}`,
    answers: async (port, signal) => {
      const url = plan.printsUrl === true ? await printedUrl(logFile) : `http://127.0.0.1:${port}`;
      return (await fetch(url + plan.readyPath, { signal })).ok;
    },
  });
}

/** The address that the program printed when it last started; throws before it has. */
export async function printedUrl(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, 'utf8')).split('\n').filter((line) => line.startsWith('{'));
  const { url }: { url?: unknown } = JSON.parse(lines.at(-1) ?? '{}');
  if (typeof url !== 'string') throw new Error(`no address in ${logFile}`);
  return url;
}
