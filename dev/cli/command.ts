import type { Env } from '../../lib/config/env.ts';

/** One word of the command line, such as `assign`. Its file imports nothing heavy before it runs. */
export interface Command {
  readonly name: string;
  /** What it does, in some words, for the list of commands. */
  readonly summary: string;
  /** What `--help` prints, without a line break at the end: how to call it, every option, examples, exit codes. */
  readonly usage: string;
  /**
   * Does it. Throws WrongUsage for arguments that it does not understand; `--help` is dealt with before.
   * @param args what follows the command's name
   * @returns the exit code: 0 done; 1 the answer is a failure, a difference, or nothing could be reached
   */
  run(args: readonly string[], io: Io): Promise<number>;
}

/** What a command has of the process it runs in. */
export interface Io {
  readonly env: Env;
  readonly stdout: Output;
  readonly stderr: Output;
  /**
   * Fires when the command is to end: Ctrl-C, SIGTERM, or nobody reads stdout any more. A command that never asks for it
   * is ended by the first Ctrl-C.
   */
  readonly signal: AbortSignal;
}

export interface Output {
  /** Resolves when more may be written. Never rejects: what nobody reads is not worth an error. */
  write(text: string): Promise<void>;
  /** Whether somebody looks at it in a terminal. */
  readonly isTerminal: boolean;
  /** Whether colour may be used: a terminal that has it, and no NO_COLOR. */
  readonly colour: boolean;
  /** The terminal's size at this moment; that of an old one where it is none. */
  size(): { readonly columns: number; readonly rows: number };
}

/** Arguments that make no sense. The usage is printed below the message, and the exit code is 2. */
export class WrongUsage extends Error {
  override readonly name = 'WrongUsage';
}

/** Nothing can be done, and the message says why and what to do next. The exit code is 1. */
export class CannotGoOn extends Error {
  override readonly name = 'CannotGoOn';
}
