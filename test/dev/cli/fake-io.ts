import type { Io, Output } from '../../../dev/cli/command.ts';
import type { Env } from '../../../lib/config/env.ts';

export interface FakeIo extends Io {
  readonly stdout: FakeOutput;
  readonly stderr: FakeOutput;
  /** As Ctrl-C does. */
  stop(): void;
}

export interface FakeOutput extends Output {
  /** All that was written. */
  text(): string;
}

/** `terminal`: the size of the one that it runs in. */
export function fakeIo({ env = {}, terminal }: { env?: Env; terminal?: ReturnType<Output['size']> } = {}): FakeIo {
  const stopping = new AbortController();
  return {
    env: { STACK_FILE: '/nonexistent/stack.json', ...env },
    stdout: fakeOutput(terminal),
    stderr: fakeOutput(terminal),
    signal: stopping.signal,
    stop: () => stopping.abort(),
  };
}

function fakeOutput(terminal: ReturnType<Output['size']> | undefined): FakeOutput {
  const written: string[] = [];
  return {
    async write(text) {
      written.push(text);
    },
    text: () => written.join(''),
    isTerminal: terminal !== undefined,
    colour: terminal !== undefined,
    size: () => terminal ?? { columns: 80, rows: 24 },
  };
}
