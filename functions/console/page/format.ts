const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const hundredth = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

/** 1,234 */
export function count(value: number): string {
  return whole.format(value);
}

/** 1,234.5 */
export function decimal(value: number): string {
  return tenth.format(value);
}

/** 0.314 is `31 %`. */
export function percent(share: number): string {
  return `${whole.format(share * 100)} %`;
}

/** The same of something that may be one of a thousand: 0.0014 is `0.1 %`. */
export function smallPercent(share: number): string {
  return share < 0.0095 ? `${tenth.format(share * 100)} %` : percent(share);
}

export function cores(value: number): string {
  return `${hundredth.format(value)} ${value === 1 ? 'core' : 'cores'}`;
}

export function bytes(value: number): string {
  return value < GIB ? `${whole.format(value / MIB)} MiB` : `${tenth.format(value / GIB)} GiB`;
}

/** How long something took or lasts, of a size that suits it. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${tenth.format(Math.max(0, seconds))} s`;
  if (seconds < 120) return `${whole.format(seconds)} s`;
  if (seconds < 7200) return `${whole.format(seconds / 60)} min`;
  if (seconds < 172_800) return `${whole.format(seconds / 3600)} h`;
  return `${whole.format(seconds / 86_400)} days`;
}

export function ago(seconds: number): string {
  return seconds < 0.5 ? 'just now' : `${duration(Math.max(1, seconds))} ago`;
}

export function milliseconds(value: number): string {
  return `${value < 10 ? tenth.format(value) : whole.format(value)} ms`;
}

/** `1 instance`, `2 instances` */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A snake_case code as words. */
export function words(code: string): string {
  return code.replaceAll('_', ' ');
}
