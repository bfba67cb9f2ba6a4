import type { Output } from '../command.ts';

/** A terminal's window that is drawn over, and afterwards shows what it showed before. */
export interface Screen {
  draw(text: string): Promise<void>;
  close(): Promise<void>;
}

const ESCAPE = '\u001b[';
const OPEN = `${ESCAPE}?1049h${ESCAPE}?25l`; // the other screen, no cursor
const CLOSE = `${ESCAPE}?25h${ESCAPE}?1049l`;
const HOME = `${ESCAPE}H`;
const CLEAR_LINE = `${ESCAPE}K`;
const CLEAR_BELOW = `${ESCAPE}J`;
const COLOUR = new RegExp(`(${ESCAPE.replace('[', '\\[')}[0-9;]*m)`);

export async function openScreen(output: Output): Promise<Screen> {
  await output.write(OPEN);
  return {
    draw(text) {
      const { columns, rows } = output.size();
      const lines = text.split('\n').slice(0, rows);
      // Written over what is there: a window that is cleared first flickers.
      const drawn = lines.map((line) => cut(line, columns) + CLEAR_LINE).join('\r\n');
      return output.write(HOME + drawn + CLEAR_BELOW);
    },
    close: () => output.write(CLOSE),
  };
}

/** At most so many characters of `line`; colour takes no room, and ends where the line does. */
export function cut(line: string, columns: number): string {
  let room = columns;
  const parts = line.split(COLOUR).map((part, index) => {
    if (index % 2 === 1) return part;
    const kept = part.slice(0, room);
    room -= kept.length;
    return kept;
  });
  return parts.join('');
}
