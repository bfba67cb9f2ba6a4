import type { Readable, Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';

/** Whoever sits before the terminal, or what a script pipes in. */
export interface Person {
  /** The next line, of which a terminal shows nothing. Undefined: there is none any more. */
  askHidden(question: string): Promise<string | undefined>;
  /** Whether the answer begins with y. */
  confirm(question: string): Promise<boolean>;
  /** Lets the process end. */
  close(): void;
}

const ENTER = /[\r\n]/;
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const ERASE = ['\b', '\u007f'];

/**
 * Asks on `output` and reads from `input`. A terminal is switched to giving each key as it is pressed and showing none;
 * `onInterrupt` is called for a Ctrl-C, which then is a key too.
 */
export function askPerson(input: Readable & Partial<ReadStream>, output: Writable, onInterrupt: () => void): Person {
  const isTerminal = input.isTTY === true;
  const keys = charactersOf(input);

  async function readLine(echo: boolean): Promise<string | undefined> {
    if (isTerminal) input.setRawMode?.(true);
    const line: string[] = [];
    try {
      for (;;) {
        const { value: key, done } = await keys.next();
        if (done || (isTerminal && key === CTRL_D)) return line.length === 0 ? undefined : line.join('');
        if (isTerminal && key === CTRL_C) {
          onInterrupt();
          return undefined;
        }
        if (ENTER.test(key)) return line.join('');
        if (isTerminal && ERASE.includes(key)) line.pop();
        else line.push(key);
        if (echo && isTerminal) output.write(key);
      }
    } finally {
      if (isTerminal) {
        input.setRawMode?.(false);
        output.write('\n');
      }
    }
  }

  return {
    askHidden(question) {
      output.write(question);
      return readLine(false);
    },
    async confirm(question) {
      output.write(question);
      return /^y/i.test((await readLine(true)) ?? '');
    },
    close: () => input.destroy(),
  };
}

/** One at a time, with the two of a line break of Windows as one. */
async function* charactersOf(input: Readable): AsyncGenerator<string, undefined> {
  let before = '';
  input.setEncoding('utf8');
  for await (const chunk of input) {
    for (const key of String(chunk)) {
      if (!(before === '\r' && key === '\n')) yield key;
      before = key;
    }
  }
}
