import type { Output } from './command.ts';

/** Lines that wait while whoever reads them is slow; beyond it they are lost, and counted. */
const MOST_WAITING = 100_000;

export interface LineWriter {
  add(line: string): void;
  /** Resolves when all is written, to the number of lines that were lost. */
  end(): Promise<number>;
}

/** Writes lines in pieces: what comes while one piece is written goes out together in the next. */
export function createLineWriter(output: Output, mostWaiting = MOST_WAITING): LineWriter {
  let waiting: string[] = [];
  let writing: Promise<void> | undefined;
  let lost = 0;

  async function writeAll(): Promise<void> {
    await Promise.resolve(); // what has come in the same piece of NATS's stream is added first
    while (waiting.length > 0) {
      const piece = `${waiting.join('\n')}\n`;
      waiting = [];
      await output.write(piece);
    }
    writing = undefined;
  }

  return {
    add(line) {
      if (waiting.length >= mostWaiting) {
        lost += 1;
        return;
      }
      waiting.push(line);
      writing ??= writeAll();
    },
    async end() {
      await writing;
      return lost;
    },
  };
}
