import type { Writable } from 'node:stream';
import type { Io, Output } from './command.ts';

/** The process's own. */
export function processIo(): Io {
  const stopping = new AbortController();
  let listening = false;
  return {
    env: process.env,
    stdout: createOutput(process.stdout, () => stopping.abort()),
    stderr: createOutput(process.stderr, () => undefined),
    /** Only for who asks for it: whoever has nothing to clean up is ended by the first Ctrl-C. */
    get signal() {
      if (!listening) listenForSignals(stopping);
      listening = true;
      return stopping.signal;
    },
  };
}

/** A second Ctrl-C ends the process at once. */
function listenForSignals(stopping: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(1);
      stopping.abort();
    });
  }
}

type Stream = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/** `onClosed` is told when nobody reads any more, as behind `| head`. */
function createOutput(stream: Stream, onClosed: () => void): Output {
  stream.on('error', onClosed);
  const isTerminal = stream.isTTY === true;
  return {
    write: (text) => new Promise((resolve) => stream.write(text, () => resolve())),
    isTerminal,
    colour: isTerminal && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
    size: () => ({ columns: stream.columns ?? 80, rows: stream.rows ?? 24 }),
  };
}
