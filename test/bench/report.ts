import { formatTable } from '../../dev/stack/format-table.ts';
import { spreadOf } from './statistics.ts';

/** What the parts hand in: figures by name for the JSON, and tables for whoever reads along. */
export interface Report {
  figure(name: string, value: number): void;
  /** The median of the rounds' ratios as `name`, and its spread as `<name>_min` and `<name>_max`. */
  ratio(name: string, ratios: readonly number[]): void;
  table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void;
  note(text: string): void;
  readonly figures: Readonly<Record<string, number>>;
}

export function createReport(print: (text: string) => void): Report {
  const figures: Record<string, number> = {};

  function figure(name: string, value: number): void {
    // JSON has no NaN; a figure that was not measured is not there.
    if (Number.isFinite(value)) figures[name] = Number.isInteger(value) ? value : Number(value.toPrecision(5));
  }

  return {
    figures,
    figure,
    ratio(name, ratios) {
      if (ratios.length === 0) return;
      const spread = spreadOf(ratios);
      figure(name, spread.median);
      figure(`${name}_min`, spread.min);
      figure(`${name}_max`, spread.max);
    },
    table: (title, head, rows) => print(`\n${title}\n\n${formatTable(head, rows)}`),
    note: (text) => print(`\n${text}`),
  };
}

/** Three significant digits, and whole numbers from 100 on. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** `1.23 (1.1-1.4)` */
export function withSpread(ratios: readonly number[]): string {
  if (ratios.length === 0) return '-';
  const { median, min, max } = spreadOf(ratios);
  return `${short(median)} (${short(min)}-${short(max)})`;
}
