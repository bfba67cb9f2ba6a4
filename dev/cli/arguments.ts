import { type ParseArgsConfig, parseArgs } from 'node:util';
import { WrongUsage } from './command.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/** Reads `args`; throws WrongUsage for what `options` does not know. */
export function readArguments<const T extends Options>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new WrongUsage(error instanceof Error ? error.message : String(error));
  }
}

/** The one argument that there must be, called `what` in the usage. */
export function onlyArgument(positionals: readonly string[], what: string): string {
  const [first, ...others] = positionals;
  if (first === undefined || others.length > 0) throw new WrongUsage(`Exactly one ${what} is needed.`);
  return first;
}

export function noArguments(positionals: readonly string[]): void {
  const [first] = positionals;
  if (first !== undefined) throw new WrongUsage(`Nothing is known of ${JSON.stringify(first)}.`);
}

/** The number in `text`; undefined where there is none. */
export function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new WrongUsage(`--${name} must be a number, not ${JSON.stringify(text)}.`);
  return value;
}

export function wholeNumberOf(name: string, text: string | undefined, least: number, most: number): number | undefined {
  const value = numberOf(name, text);
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return value;
  throw new WrongUsage(`--${name} must be a whole number from ${least} to ${most}.`);
}
