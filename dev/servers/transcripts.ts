import { appendFileSync, closeSync, copyFileSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What a test run collects of everything that our processes said, to look for secrets in it: folders `logs`, `replies`
 * and `printed`, and `planted.jsonl` with the secrets to look for. Collected only where a test run asks for it by
 * naming a folder in this variable, which the processes that it starts inherit.
 */
export const TRANSCRIPTS = 'TRANSCRIPTS';
export const PLANTED_FILE = 'planted.jsonl';

type Kind = 'logs' | 'replies' | 'printed';

let files = 0;

/** Keeps a copy of a server's log beyond the server's end. */
export function keepLog(name: string, logFile: string): void {
  const kept = transcriptFile('logs', name);
  if (kept !== undefined) copyFileSync(logFile, kept);
}

/** Tells of a secret that must not be in anything that is collected. */
export function plantSecret(name: string, value: string): void {
  const folder = process.env[TRANSCRIPTS];
  if (!folder) return;
  appendFileSync(join(folder, PLANTED_FILE), `${JSON.stringify({ name, value })}\n`, { mode: 0o600 });
}

/** Where lines are collected. Each is in the file when `write` returns. */
export interface Transcript {
  write(line: string): void;
  close(): void;
}

/** Undefined where nobody wants it. */
export function openTranscript(kind: Kind, name: string): Transcript | undefined {
  const file = transcriptFile(kind, name);
  if (file === undefined) return undefined;
  const descriptor = openSync(file, 'a');
  return {
    write: (line) => writeSync(descriptor, `${line}\n`),
    close: () => closeSync(descriptor),
  };
}

/** A name that no other process uses. */
function transcriptFile(kind: Kind, name: string): string | undefined {
  const folder = process.env[TRANSCRIPTS];
  if (!folder) return undefined;
  mkdirSync(join(folder, kind), { recursive: true });
  files += 1;
  return join(folder, kind, `${name}-${process.pid}-${files}.log`);
}
