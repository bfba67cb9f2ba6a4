import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../find-server.mjs';
import type { StackAddresses } from '../stack.ts';

/** Another one where a test asks for it, so that it can run beside a developer's own stack. */
export const STACK_FILE = process.env['STACK_FILE'] || join(PROJECT_ROOT, '.local', 'stack.json');

/** By rename, and readable by its owner alone: it appears whole, and it holds tokens. */
export async function writeStackFile(addresses: StackAddresses): Promise<void> {
  const text = `${JSON.stringify({ ...addresses, pid: process.pid }, undefined, 2)}\n`;
  await writeFile(`${STACK_FILE}.new`, text, { mode: 0o600 });
  await rename(`${STACK_FILE}.new`, STACK_FILE);
}

/** The running stack's addresses; undefined when none runs, also when a killed one left its file behind. */
export async function readStackFile(
  file = STACK_FILE,
): Promise<(StackAddresses & { readonly pid: number }) | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const stack: StackAddresses & { readonly pid: number } = JSON.parse(text);
  return isAlive(stack.pid) ? stack : undefined;
}

export async function removeStackFile(): Promise<void> {
  await rm(STACK_FILE, { force: true });
}

/** Whether the process is there; a zombie counts. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
