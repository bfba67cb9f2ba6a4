/** Figures as tables show them; `-` is what is not known. */

export function addressOf({ instance_id, port }: { readonly instance_id: string; readonly port?: number }): string {
  return port === undefined ? instance_id : `${instance_id}:${port}`;
}

/** A share of 1. */
export function percent(share: number | undefined): string {
  return share === undefined ? '-' : `${(share * 100).toFixed(1)} %`;
}

export function seconds(value: number | undefined): string {
  return value === undefined ? '-' : `${value.toFixed(value < 10 ? 1 : 0)} s`;
}

export function count(value: number | undefined): string {
  return value === undefined ? '-' : String(value);
}

/** `not_taking` as people say it. */
export function words(code: string): string {
  return code.replaceAll('_', ' ');
}

const BARS = ' ▁▂▃▄▅▆▇█';

/** Counts as bars, of which the tallest stands for `most`, in the order given. */
export function bars(counts: readonly number[], most: number): string {
  return counts
    .map((value) => BARS[value <= 0 ? 0 : Math.max(1, Math.round((value / Math.max(1, most)) * 8))] ?? '█')
    .join('');
}
