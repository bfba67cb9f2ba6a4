import { stripVTControlCharacters } from 'node:util';

/** Columns of plain text, numbers (and `-`, where there is none) to the right; colour takes no width. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => width(row[column] ?? ''))));
  const numeric = head.map((_, column) =>
    rows.every((row) => /^(-|\d+(\.\d+)?( %| ms| s)?)$/.test(plain(row[column] ?? ''))),
  );
  const rule = widths.map((size) => '-'.repeat(size));
  return [head, rule, ...rows].map((row) => row.map(align).join('  ').trimEnd()).join('\n');

  function align(cell: string, column: number): string {
    const space = ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell)));
    return numeric[column] ? space + cell : cell + space;
  }
}

function width(cell: string): number {
  return plain(cell).length;
}

function plain(cell: string): string {
  return stripVTControlCharacters(cell);
}
